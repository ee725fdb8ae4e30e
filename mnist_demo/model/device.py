"""The choice of the device that a network runs on."""

import torch

DEVICES = ("auto", "cuda", "mps", "cpu")


def choose_device(name: str = "auto") -> torch.device:
    """Return the device of that name; "auto" is the first available of cuda, mps and cpu.

    Raises ValueError, in one line, if the name is not in `DEVICES` or this machine has no such device.
    """
    if name not in DEVICES:
        raise ValueError(f"unknown device {name!r}: choose one of {', '.join(DEVICES)}")
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, is_there in there.items() if is_there)
    if not there[name]:
        raise ValueError(f"this machine has no {name} device: choose --device auto or --device cpu")
    return torch.device(name)
