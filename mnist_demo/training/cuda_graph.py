"""A forward and backward pass on CUDA, captured once as a graph and then replayed with a single launch.

The networks are small: an eager pass spends most of its time on launching kernels from Python, one by one.
"""

from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor, nn

WARM_UP = 3  # eager passes before the capture: they initialise libraries and fill caches, which a capture must not

Pass = Callable[[Tensor], Tensor]  # from the indices of a batch to its loss; it leaves gradients at the weights


class Graph:
    """A CUDA graph, and the stream beside the current one that captures need."""

    def __init__(self) -> None:
        self.stream, self.graph = torch.cuda.Stream(), torch.cuda.CUDAGraph()

    def warm_up(self, work: Callable[[], Tensor]) -> Tensor:
        """Run it eagerly on the capture's stream."""
        current = torch.cuda.current_stream()
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            result = work()
        current.wait_stream(self.stream)
        return result

    def capture(self, work: Callable[[], list[Tensor]]) -> list[Tensor]:
        """Record it without running it. Return its results: tensors that each replay overwrites."""
        with torch.cuda.graph(self.graph, stream=self.stream):
            return work()

    def replay(self) -> None:
        """Run what was recorded."""
        self.graph.replay()


class GraphedPass:
    """A pass that replays a graph for batches of `size`. Others, as the last one of an epoch, run eagerly.

    Everything the pass reads and writes must stay at its place in memory. Random numbers must come from the device's
    default generator, which a replay advances as an eager pass does.

    The optimizer is not captured: a one-cycle schedule sets its learning rate and momentum in Python, and a graph would
    repeat those of the captured step.
    """

    def __init__(self, run: Pass, weights: Iterable[nn.Parameter], size: int, graph: Graph | None = None) -> None:
        self.run, self.weights, self.size = run, list(weights), size
        self.graph, self.count = graph or Graph(), 0
        self.index = self.loss = torch.empty(0)
        self.gradients = list[Tensor]()

    def __call__(self, index: Tensor) -> Tensor:
        """Run the pass. The loss that is returned changes with the next one."""
        if len(index) != self.size:
            return self.run(index)
        self.count += 1
        if self.count <= WARM_UP:
            return self.graph.warm_up(partial(self.run, index))
        if self.count == WARM_UP + 1:
            self.index = index.clone()
            self.loss, *self.gradients = self.graph.capture(self._results)
        self.index.copy_(index)
        self.graph.replay()
        for weight, gradient in zip(self.weights, self.gradients, strict=True):
            weight.grad = gradient  # an eager pass may have put another one there
        return self.loss

    def _results(self) -> list[Tensor]:
        return [self.run(self.index), *(weight.grad for weight in self.weights if weight.grad is not None)]
