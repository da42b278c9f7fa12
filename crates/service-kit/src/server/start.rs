//! From services to listeners.

use std::net::SocketAddr;
use std::time::Duration;

use attune_kernel::{Code, Problem};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::service::Routes;
use tower::ServiceBuilder;

use super::running::{Listeners, Running};
use super::service::{Service, Stop};
use super::{Health, LimitLayer, supervise, tls};
use crate::auth;
use crate::config::{AuthConfig, ServerConfig};
use crate::telemetry::{RpcLayer, Telemetry};

/// Give generated servers and clients this limit: the listener has its own, `server.max_message_bytes`.
pub const MAX_MESSAGE: usize = 1 << 30;

/// A client that does not answer a ping this often is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Clients connect anew after this long, so that new replicas get their share; open calls end first.
const CONNECTION_AGE: Duration = Duration::from_secs(600);

/// One process: services, listeners, health.
pub struct Server {
    config: ServerConfig,
    auth: AuthConfig,
    services: Vec<Service>,
    telemetry: Option<Telemetry>,
}

impl Server {
    /// A server without services.
    #[must_use]
    pub const fn new(config: ServerConfig, auth: AuthConfig) -> Self {
        Self { config, auth, services: Vec::new(), telemetry: None }
    }

    /// Adds a service.
    #[must_use]
    pub fn service(mut self, service: Service) -> Self {
        self.services.push(service);
        self
    }

    /// Hands over the telemetry to flush at the end.
    #[must_use]
    pub fn telemetry(mut self, telemetry: Telemetry) -> Self {
        self.telemetry = Some(telemetry);
        self
    }

    /// Binds the listeners and starts the tasks.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` with the reason `AUTH_NOT_CONFIGURED`, `TLS_UNUSABLE` or `LISTEN_FAILED`; nothing runs then.
    pub async fn start(self) -> Result<Running, Problem> {
        let guard = auth::guard(&self.config, &self.auth)?;
        let tls = tls::load(&self.config.tls)?;
        let open = guard.is_none();

        let (reporter, health_service) = tonic_health::server::health_reporter();
        let health = Health::new(reporter);
        let mut names = Vec::new();
        let mut router = Routes::new(health_service.clone()).into_axum_router();
        for service in &self.services {
            health.add(service.name, &service.grpc_names);
            names.extend_from_slice(&service.grpc_names);
            router = router.merge(service.routes.clone().into_axum_router().reset_fallback());
        }
        let routes = Routes::from(router).add_service(reflection(&names)?);
        health.report().await;

        let listener = bind(self.config.listen, "server.listen").await?;
        let address = local(&listener)?;
        let health_listener = match self.config.health_listen {
            Some(listen) => Some(bind(listen, "server.health_listen").await?),
            None => None,
        };
        let health_address = health_listener.as_ref().map(local).transpose()?;
        let mut http = Vec::new();
        let (mut tasks, mut checks) = (Vec::new(), Vec::new());
        for service in self.services {
            for one in service.http {
                let listener = bind(one.listen, "http listener").await?;
                http.push((service.name, local(&listener)?, listener, one.router));
            }
            tasks.extend(service.tasks.into_iter().map(|task| (service.name, task)));
            checks.extend(service.checks.into_iter().map(|(name, check)| (service.name, name, check)));
        }

        let layers = ServiceBuilder::new()
            .layer(RpcLayer::new(self.config.request_timeout))
            .option_layer(guard)
            .layer(LimitLayer::new(self.config.max_message_bytes))
            .into_inner();
        let mut builder = tonic::transport::Server::builder();
        if let Some(tls) = tls {
            builder = builder.tls_config(tls).map_err(|error| {
                Problem::new(Code::FailedPrecondition, "TLS_UNUSABLE", format!("certificates are unusable: {error}"))
            })?;
        }
        let listening = Stop::new();
        let mut listeners = Listeners::default();
        let incoming = tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true));
        let served = builder
            .http2_keepalive_interval(Some(KEEP_ALIVE))
            .max_connection_age(CONNECTION_AGE)
            .layer(layers)
            .add_routes(routes.prepare())
            .serve_with_incoming_shutdown(incoming, listening.clone().cancelled_owned());
        listeners.spawn("grpc", async move { served.await.map_err(|error| error.to_string()) });
        if let Some(listener) = health_listener {
            // Probes are answered until the end of the drain: NOT_SERVING is what they are to read.
            let served = tonic::transport::Server::builder()
                .add_service(health_service)
                .serve_with_incoming(TcpListenerStream::new(listener));
            listeners.spawn_probe(async move { served.await.map_err(|error| error.to_string()) });
        }
        let mut http_addresses = Vec::new();
        for (service, address, listener, router) in http {
            http_addresses.push((service, address));
            let stop = listening.clone();
            let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
            listeners.spawn("http", async move { served.await.map_err(|error| error.to_string()) });
        }

        let stop_tasks = Stop::new();
        let mut supervised = tokio::task::JoinSet::new();
        for (service, task) in tasks {
            supervised.spawn(supervise::supervise(service, task, health.clone(), stop_tasks.clone()));
        }
        for (service, name, check) in checks {
            supervised.spawn(supervise::watch(service, name, check, health.clone(), stop_tasks.clone()));
        }
        tracing::info!(%address, health = ?health_address, services = ?names, open, "listening");
        Ok(Running {
            address,
            health_address,
            http_addresses,
            health,
            listening,
            listeners,
            stop_tasks,
            tasks: supervised,
            drain_timeout: self.config.drain_timeout,
            task_timeout: self.config.task_timeout,
            telemetry: self.telemetry,
        })
    }
}

fn reflection(
    names: &[&'static str],
) -> Result<
    tonic_reflection::server::v1::ServerReflectionServer<impl tonic_reflection::server::v1::ServerReflection>,
    Problem,
> {
    let mut builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(attune_proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .with_service_name("grpc.health.v1.Health");
    for name in names {
        builder = builder.with_service_name(*name);
    }
    builder.build_v1().map_err(|error| Problem::internal(format!("the descriptors are unusable: {error}")))
}

async fn bind(listen: SocketAddr, key: &'static str) -> Result<TcpListener, Problem> {
    TcpListener::bind(listen).await.map_err(|error| {
        Problem::new(Code::FailedPrecondition, "LISTEN_FAILED", format!("{key}: cannot listen on {listen}: {error}"))
            .with("address", listen.to_string())
    })
}

fn local(listener: &TcpListener) -> Result<SocketAddr, Problem> {
    listener.local_addr().map_err(|error| Problem::internal(format!("the listener has no address: {error}")))
}
