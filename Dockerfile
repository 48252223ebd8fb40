# docker build -t concierge . && docker run --rm -p 127.0.0.1:64209:64209 -v concierge:/var/lib/concierge concierge
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package concierge --bin concierge && mkdir /state

# No shell, no package manager, and a user without rights.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/concierge /usr/local/bin/concierge
# Promises and tasks outlive the container when a volume is mounted here.
COPY --from=build --chown=nonroot:nonroot /state /var/lib/concierge
ENV STATE_DIRECTORY=/var/lib/concierge
VOLUME /var/lib/concierge
# Inside of a container, loopback reaches nobody. Set CONCIERGE_SECRET_FILE before others can reach the port.
ENV CONCIERGE_LISTEN=0.0.0.0:64209
EXPOSE 64209
# A hub with TLS: -e CONCIERGE_URL=wss://localhost:64209 and -e CONCIERGE_CA=/path/of/its/authority.pem
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/usr/local/bin/concierge", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/concierge"]
CMD ["serve"]
