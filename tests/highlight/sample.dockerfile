# syntax=docker/dockerfile:1
FROM rust:1.95-slim AS build
ARG VERSION=1.0
WORKDIR /app
COPY --from=build /app/target/release/tallymark /usr/bin/
ENV PATH="/app/bin:$PATH"
RUN apt-get update && \
    apt-get install -y curl
EXPOSE 4747
ENTRYPOINT ["tallymark", "serve"]
