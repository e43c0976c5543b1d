# The prediction service. Build: docker build -t tipoff .
# Run: docker run -p 127.0.0.1:3000:3000 -v tipoff:/home/tipoff/state tipoff
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
COPY conf conf
COPY contracts contracts
COPY features features
COPY systems systems
COPY registry registry
COPY training training
COPY serving serving
COPY monitoring monitoring
COPY tipoff tipoff
# the lock constrains versions; only what the package itself needs is installed, no test tools
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --constraint requirements.lock .

FROM python:3.11-slim
# libgomp: the boosters' threads
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 1000 tipoff
COPY --from=build /venv /venv
USER tipoff
WORKDIR /home/tipoff
ENV PATH=/venv/bin:$PATH TIPOFF_HOME=/home/tipoff/state PYTHONUNBUFFERED=1
RUN mkdir /home/tipoff/state
VOLUME /home/tipoff/state
EXPOSE 3000
# inside a container loopback is the container's own: listening wide is what publishing a port means
CMD ["tipoff", "serve", "--host", "0.0.0.0", "--port", "3000"]
