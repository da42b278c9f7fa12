# syntax=docker/dockerfile:1
# One static binary on an empty root: no shell, no package, nothing to patch but the binary.

FROM rust:1.95-slim-bookworm AS build
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates musl-tools \
 && rm -rf /var/lib/apt/lists/* \
 && rustup target add x86_64-unknown-linux-musl
WORKDIR /src
COPY . .
# The same source gives the same bytes: no path of this stage and no time of day is compiled in.
ENV SOURCE_DATE_EPOCH=0 \
    RUSTFLAGS="--remap-path-prefix=/src=. --remap-path-prefix=/usr/local/cargo=cargo -C link-arg=-Wl,--build-id=none"
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --package attune --target x86_64-unknown-linux-musl \
 && install -D target/x86_64-unknown-linux-musl/release/attune /image/usr/local/bin/attune \
 && strip /image/usr/local/bin/attune \
 && install -d -m 1777 /image/tmp \
 && install -d -o 65532 -g 65532 /image/var/lib/attune \
 && install -D /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt \
 && printf 'attune:x:65532:65532::/var/lib/attune:/nonexistent\n' > /image/etc/passwd

FROM scratch
COPY --from=build /image /
ENV PATH=/usr/local/bin
USER 65532:65532
WORKDIR /var/lib/attune
EXPOSE 50051 50052 8080
ENTRYPOINT ["/usr/local/bin/attune"]
CMD ["serve"]
