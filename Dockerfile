# The page in a container, on the processor alone:
# docker build -t mnist-demo . && docker run --rm -p 7860:7860 mnist-demo
FROM python:3.12-slim

RUN useradd --create-home --uid 1000 user
WORKDIR /home/user/app

# PyTorch's build without CUDA first, so that the next line finds it there and brings no other.
COPY requirements.txt ./
RUN pip install --no-cache-dir "$(grep '^torch>' requirements.txt)" --index-url https://download.pytorch.org/whl/cpu \
    && pip install --no-cache-dir -r requirements.txt

COPY app.py LICENSE README.md ./
COPY weights weights
COPY mnist_demo mnist_demo

USER user
ENV GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=7860 PYTHONUNBUFFERED=1
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/robots.txt', timeout=4)"]

# As process 1 Python heeds this signal, and not the usual one.
STOPSIGNAL SIGINT
CMD ["python", "app.py"]
