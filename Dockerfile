# One image for all roles: `superimpose api` (the default), `superimpose worker` and `superimpose webhooks`.

FROM python:3.11-slim AS base
ENV PATH=/opt/superimpose/bin:$PATH \
    PYTHONUNBUFFERED=1

FROM base AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/superimpose
# Extras of pyproject.toml to install: `--build-arg EXTRAS="heif nudenet"`.
ARG EXTRAS=""
# Libraries before code, so that a code change rebuilds only one small layer.
COPY pyproject.toml requirements.lock ./
RUN python -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; extras = map(project['optional-dependencies'].get, '$EXTRAS'.split()); print(*sum(extras, project['dependencies']), sep='\n')" > libraries.txt \
 && pip install -c requirements.lock -r libraries.txt
COPY . .
RUN pip install --no-deps --prefix /app . \
 && pip uninstall --yes pip setuptools

FROM base
LABEL org.opencontainers.image.title="superimpose" \
      org.opencontainers.image.description="Self-hosted job-queue service that overlays one picture on another" \
      org.opencontainers.image.licenses="MIT"
# One thread and few heaps per process, as parallelism comes from the workers and glibc would keep heaps per core.
ENV MALLOC_ARENA_MAX=2 \
    OPENBLAS_NUM_THREADS=1 \
    SUPERIMPOSE_DATA_DIR=/data \
    SUPERIMPOSE_METRICS_HOST=0.0.0.0
RUN useradd --uid 10001 --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin superimpose \
 && install --directory --owner superimpose --group superimpose /data
COPY --from=build /opt/superimpose /opt/superimpose
COPY --from=build /app /opt/superimpose
# Numeric, so that orchestrators can verify that it is not root.
USER 10001:10001
WORKDIR /data
EXPOSE 8000
ENTRYPOINT ["superimpose"]
CMD ["api", "--host", "0.0.0.0"]
# Bash takes 3 ms for this, Python would take 100. Other roles override or disable the check.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8000 && printf 'GET /livez HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
