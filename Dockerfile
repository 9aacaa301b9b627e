# Banyan as an image: the locked environment, the code, and the demo estate set up for `docker-compose.yml`.
FROM python:3.13.1-slim-bookworm AS environment
WORKDIR /opt/banyan
COPY requirements requirements
RUN python -m venv /uv && /uv/bin/pip install --no-cache-dir --require-hashes -r requirements/uv.txt
RUN /uv/bin/uv venv --no-python-downloads /opt/venv \
    && /uv/bin/uv pip sync --compile-bytecode --no-cache --python /opt/venv/bin/python --require-hashes requirements/lock.txt
COPY . .
RUN /uv/bin/uv pip install --no-cache --python /opt/venv/bin/python --no-deps --no-build-isolation --editable .

FROM python:3.13.1-slim-bookworm
RUN useradd --uid 10001 --create-home banyan && install -d -o banyan -g banyan /state
COPY --from=environment /opt/venv /opt/venv
COPY --from=environment /opt/banyan /opt/banyan
# The demo estate, with settings that point at the other containers.
RUN cp -r /opt/banyan/examples/universal_credit /estate && cp /opt/banyan/docker/banyan.toml /estate/banyan.toml
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    BANYAN_STATE=/state
USER banyan
VOLUME /state
EXPOSE 8600 8601 8602
ENTRYPOINT ["python", "-P", "-m", "hub.cli"]
CMD ["run", "/estate"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=12 \
    CMD ["python", "/opt/banyan/docker/healthcheck.py"]
