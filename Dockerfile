# Two images of one file (compose.yaml runs both with their database):
#   docker build -t tipoff .                        the prediction service: the Bento and what it needs
#   docker build -t tipoff-tools --target tools .   the command line and MLflow: ingest, train, promote
# Run: docker run -p 127.0.0.1:3000:3000 -e TIPOFF_DATABASE_URL=postgresql://... tipoff
FROM python:3.11-slim AS base
# libgomp: the boosters' threads
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 1000 tipoff

FROM python:3.11-slim AS bento
WORKDIR /src
COPY serving/requirements.txt serving/requirements.txt
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --requirement serving/requirements.txt
COPY pyproject.toml LICENSE ./
COPY conf conf
COPY contracts contracts
COPY features features
COPY systems systems
COPY registry registry
COPY serving serving
RUN BENTOML_HOME=/build BENTOML_DO_NOT_TRACK=true /venv/bin/bentoml build --version 1 && mv /build/bentos/tipoff/1 /bento

FROM python:3.11-slim AS commands
WORKDIR /src
COPY . .
# the lock constrains versions; only what the package itself needs is installed, no test tools
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --constraint requirements.lock '.[s3]'

FROM base AS tools
COPY --from=commands /venv /venv
USER tipoff
WORKDIR /home/tipoff
ENV PATH=/venv/bin:$PATH TIPOFF_HOME=/home/tipoff/state PYTHONUNBUFFERED=1
RUN mkdir /home/tipoff/state
VOLUME /home/tipoff/state
CMD ["tipoff", "--help"]

FROM base AS service
COPY --from=bento /venv /venv
COPY --from=bento /bento /bento
USER tipoff
WORKDIR /home/tipoff
ENV PATH=/venv/bin:$PATH TIPOFF_HOME=/home/tipoff/state BENTOML_HOME=/home/tipoff/state/bentoml
ENV BENTOML_DO_NOT_TRACK=true OMP_NUM_THREADS=1 MALLOC_ARENA_MAX=2 PYTHONUNBUFFERED=1 PORT=3000
RUN mkdir /home/tipoff/state
VOLUME /home/tipoff/state
EXPOSE 3000
HEALTHCHECK CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/livez')"]
# inside a container loopback is the container's own: listening wide is what publishing a port means
# an idle connection outlives what clients and proxies keep, as with `tipoff serve`
CMD ["bentoml", "serve", "/bento", "--host", "0.0.0.0", "--timeout-keep-alive", "75"]
