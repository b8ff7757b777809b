# The embedded engine, by default; the gateway and the workers of Kafka by their commands (docker-compose.yml).
# Mount a project (rules/, deployments.yaml, flows/) at /project; databases are in /data.
FROM python:3.11.13-slim-bookworm AS build
WORKDIR /build
COPY requirements/base.txt requirements/kafka.txt requirements/
RUN python -m venv /opt/automations \
  && /opt/automations/bin/pip install --no-cache-dir --require-hashes -r requirements/base.txt \
  && /opt/automations/bin/pip install --no-cache-dir --require-hashes -r requirements/kafka.txt
COPY pyproject.toml README.md LICENSE ./
COPY automations automations
RUN /opt/automations/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11.13-slim-bookworm
COPY --from=build /opt/automations /opt/automations
ENV PATH=/opt/automations/bin:$PATH
RUN useradd --create-home --uid 10001 automations && install -d -o automations /data /project
USER automations
WORKDIR /project
VOLUME /data
EXPOSE 4280
# Beyond loopback a key is needed. The first start makes an admin key and prints it once.
CMD ["sh", "-c", "test -e /data/automations.db || automations api-key create first --scope admin --db /data/automations.db; exec automations serve -C /project --db /data/automations.db --host 0.0.0.0"]
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:4280/healthz', timeout=2)"]
