# The gateway and nothing else, as an unprivileged user.
#
#   docker build -t nano-banana-gateway .
#   docker run -p 127.0.0.1:8080:8080 -v gateway-data:/data -v "$PWD/config.yaml:/etc/gateway/config.yaml:ro" \
#       --env-file .env --stop-timeout 700 nano-banana-gateway

FROM debian:bookworm-slim AS builder
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
# Two environments: what builds stays here, what runs has no pip.
RUN python3 -m venv /build && python3 -m venv --without-pip /opt/gateway
WORKDIR /src
COPY deploy/requirements.txt deploy/build-requirements.txt deploy/
RUN /build/bin/pip install --require-hashes -r deploy/build-requirements.txt \
    && /build/bin/pip --python /opt/gateway/bin/python install --require-hashes -r deploy/requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /build/bin/pip --python /opt/gateway/bin/python install --no-deps --no-index /wheels/*.whl

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="Nano Banana Gateway" \
      org.opencontainers.image.description="One base_url for Google's image models: failover, exact books" \
      org.opencontainers.image.licenses="MIT"
# ca-certificates: the upstream's certificate is checked against the system's own list. tzdata: days of budgets.
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 ca-certificates tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 gateway \
    && useradd --uid 10001 --gid gateway --home-dir /data --no-create-home --shell /usr/sbin/nologin gateway \
    && install -d -o gateway -g gateway /data
COPY --from=builder /opt/gateway /opt/gateway
# In a container these two are the container's matter, so they win over the file: config.example.yaml works as it is.
# GATEWAY_CONFIG is for the commands that are run beside the server: docker exec … gateway keys create …
ENV PATH=/opt/gateway/bin:$PATH \
    GATEWAY_CONFIG=/etc/gateway/config.yaml \
    GATEWAY__LISTEN=0.0.0.0:8080 \
    GATEWAY__DATA_DIR=/data \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
# http.client and not urllib.request, which would ask a proxy that the environment names.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python3", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8080, timeout=4); c.request('GET', '/healthz'); exit(c.getresponse().status != 200)"]
ENTRYPOINT ["gateway"]
CMD ["serve", "--config", "/etc/gateway/config.yaml"]
