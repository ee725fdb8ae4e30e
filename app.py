"""Start the demo, as a Space and a clone do: `python app.py`."""

from mnist_demo import commandline

if __name__ == "__main__":
    commandline.end_quietly()

from mnist_demo.serve import main

if __name__ == "__main__":
    commandline.run(main)
