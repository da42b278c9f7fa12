//! The services as one process over the embedded store, or as six over Postgres and Redis. Scenarios see one type.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use attune_client::{Channel, Clients, Options};
use tempfile::TempDir;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::binary;
use crate::cache::Cache;
use crate::database::{self, Database};
use crate::patience::eventually;
use crate::process::{Process, last_words};

/// The services by the names that `attune serve` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Service {
    IdentityResolution,
    Profile,
    ContactOptimization,
    JourneyPathing,
    Decision,
    ChannelGateway,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::IdentityResolution,
        Self::Profile,
        Self::ContactOptimization,
        Self::JourneyPathing,
        Self::Decision,
        Self::ChannelGateway,
    ];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IdentityResolution => "identity-resolution",
            Self::Profile => "profile",
            Self::ContactOptimization => "contact-optimization",
            Self::JourneyPathing => "journey-pathing",
            Self::Decision => "decision",
            Self::ChannelGateway => "channel-gateway",
        }
    }

    /// The variable that tells the others where it is.
    fn variable(self) -> String {
        format!("ATTUNE__CLIENTS__{}", self.name().replace('-', "_").to_uppercase())
    }
}

/// One process of a suite.
struct Node {
    /// The services it runs; all of them when empty.
    service: Option<Service>,
    port: u16,
    process: Option<Process>,
}

impl Node {
    fn serves(&self, service: Service) -> bool {
        self.service.is_none_or(|own| own == service)
    }

    fn name(&self) -> &'static str {
        self.service.map_or("attune", Service::name)
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// A running suite. Its processes end and its data goes when it is dropped; a test that fails shows the logs.
pub struct Suite {
    /// Clients of all six services.
    pub clients: Clients,
    /// The Redis database, when there is one.
    pub cache: Option<Cache>,
    nodes: Vec<Node>,
    environment: Vec<(String, String)>,
    dir: TempDir,
    /// The database, when there is one. Dropped last: the processes must be gone.
    pub database: Option<Database>,
}

impl Suite {
    /// One process over the embedded store: `attune serve`.
    pub async fn all_in_one() -> Self {
        Self::all_in_one_with(Vec::new()).await
    }

    /// [`all_in_one`](Self::all_in_one) with further variables in its environment.
    pub async fn all_in_one_with(environment: Vec<(String, String)>) -> Self {
        Self::start(None, None, environment, &[None]).await
    }

    /// Six processes over Postgres and Redis; `None`, with a line that says so, where the tests are given no Postgres.
    pub async fn six_processes() -> Option<Self> {
        Self::six_processes_with(Vec::new()).await
    }

    /// [`six_processes`](Self::six_processes) with further variables in their environment.
    pub async fn six_processes_with(mut environment: Vec<(String, String)>) -> Option<Self> {
        let Some(database) = Database::create().await else {
            println!("skipped: set {} to run it as six processes over Postgres", database::VARIABLE);
            return None;
        };
        let cache = Cache::choose();
        environment.extend([
            ("ATTUNE__STORAGE__KIND".to_owned(), "postgres".to_owned()),
            ("ATTUNE__STORAGE__POSTGRES__URL".to_owned(), database.url()),
            ("ATTUNE__STORAGE__POSTGRES__VAULT_KEY".to_owned(), database::VAULT_KEY.to_owned()),
            // Several suites run at the same time against one server.
            ("ATTUNE__STORAGE__POSTGRES__MAX_CONNECTIONS".to_owned(), "6".to_owned()),
        ]);
        if let Some(cache) = &cache {
            let prefix = format!("attune-{:08x}", rand::random::<u32>());
            environment.push(("ATTUNE__STORAGE__REDIS__URL".to_owned(), cache.url.clone()));
            environment.push(("ATTUNE__STORAGE__REDIS__PREFIX".to_owned(), prefix));
        }
        let services = Service::ALL.map(Some);
        Some(Self::start(Some(database), cache, environment, &services).await)
    }

    async fn start(
        database: Option<Database>,
        cache: Option<Cache>,
        environment: Vec<(String, String)>,
        services: &[Option<Service>],
    ) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let nodes: Vec<Node> =
            services.iter().map(|service| Node { service: *service, port: free_port(), process: None }).collect();
        let clients = clients(&nodes);
        let mut suite = Self { clients, cache, nodes, environment, dir, database };
        for attempt in 1.. {
            suite.launch();
            if suite.serving().await {
                break;
            }
            // Another process was faster with one of the ports.
            let taken = suite.nodes.iter().any(|node| last_words(&suite.log(node)).contains("in use"));
            assert!(taken && attempt < 5, "the suite does not start");
            for node in &mut suite.nodes {
                (node.process, node.port) = (None, free_port());
            }
            suite.clients = clients_of(&suite);
        }
        suite
    }

    /// Starts every process that does not run, on the port and the data it had, and waits until all of them serve.
    pub async fn restart(&mut self) {
        self.launch();
        assert!(self.serving().await, "the suite does not start again");
    }

    /// Kills the process that runs a service, in the middle of what it does; `restart` brings it back.
    pub fn kill9(&mut self, service: Service) {
        let node = self.nodes.iter_mut().find(|node| node.serves(service)).expect("one process runs it");
        node.process.take().expect("the process runs").kill9();
    }

    /// Asks every process to stop and waits; each must end well.
    pub async fn stop(&mut self) {
        // Callers first, as an operator does.
        for node in self.nodes.iter_mut().rev() {
            if let Some(process) = node.process.take() {
                let status = process.stop().await;
                assert!(status.success(), "{} ended with {status}", node.name());
            }
        }
    }

    /// The address of the process that runs a service.
    #[must_use]
    pub fn address(&self, service: Service) -> String {
        self.nodes.iter().find(|node| node.serves(service)).expect("one process runs it").address()
    }

    /// The folder of the files that file channels write.
    #[must_use]
    pub fn outbox(&self) -> PathBuf {
        self.dir.path().join("outbox")
    }

    /// The folder of everything that the processes write: `data`, logs, and what file channels send.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    fn log(&self, node: &Node) -> PathBuf {
        self.dir.path().join(format!("{}.log", node.name()))
    }

    fn launch(&mut self) {
        let addresses: Vec<(String, String)> = self
            .nodes
            .iter()
            .filter_map(|node| Some((node.service?.variable(), format!("http://{}", node.address()))))
            .collect();
        let outbox = self.outbox();
        let (dir, environment) = (self.dir.path(), &self.environment);
        for node in self.nodes.iter_mut().filter(|node| node.process.is_none()) {
            let mut command = binary::command(["serve"]);
            command.args(node.service.map(Service::name)).arg("--listen").arg(node.address());
            command.arg("--data-dir").arg(dir.join("data"));
            command.env("ATTUNE__CHANNEL_GATEWAY__OUTBOX_DIR", &outbox);
            // A debug build on a shared machine is slow; a scenario is about what happens, not about how soon.
            command.env("ATTUNE__CLIENTS__DEADLINE", "20s");
            for timeout in ["IDENTITY", "PROFILE", "CONTACT"] {
                command.env(format!("ATTUNE__DECISION__DEPENDENCIES__{timeout}_TIMEOUT"), "10s");
            }
            command.envs(environment.iter().cloned()).envs(addresses.iter().cloned());
            node.process = Some(Process::start(command, &dir.join(format!("{}.log", node.name()))));
        }
    }

    /// Waits until every process serves; false when one ended instead.
    async fn serving(&mut self) -> bool {
        for node in &mut self.nodes {
            let channel = channel(&node.address());
            let process = node.process.as_mut().expect("launched");
            loop {
                if process.ended().is_some() {
                    return false;
                }
                let mut client = HealthClient::new(channel.clone());
                let asked = client.check(HealthCheckRequest { service: String::new() }).await;
                if asked.is_ok_and(|answer| answer.get_ref().status() == ServingStatus::Serving) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        // A connection that the clients made to a process before this one may still be breaking.
        let client = self.clients.clone();
        eventually("every service answers", || reachable(client.clone())).await;
        true
    }
}

/// Whether the clients reach every service, whatever it answers.
async fn reachable(clients: Clients) -> Option<()> {
    use attune_proto::{channel::v1 as channel, contact::v1 as contact, decision::v1 as decision};
    use attune_proto::{identity::v1 as identity, journey::v1 as journey, profile::v1 as profile};
    let Clients { identity, profile, journey, decision, contact, channel } = clients;
    let answers = [
        { identity }.read_changes(identity::ReadChangesRequest::default()).await.err(),
        { profile }.list_segments(profile::ListSegmentsRequest::default()).await.err(),
        { journey }.list_journeys(journey::ListJourneysRequest::default()).await.err(),
        { decision }.list_offers(decision::ListOffersRequest::default()).await.err(),
        { contact }.list_campaigns(contact::ListCampaignsRequest::default()).await.err(),
        { channel }.get_pipeline(channel::GetPipelineRequest {}).await.err(),
    ];
    answers.iter().all(Option::is_none).then_some(())
}

impl Drop for Suite {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            node.process = None;
        }
        if std::thread::panicking() {
            for node in &self.nodes {
                eprintln!("---- the end of the log of {}\n{}", node.name(), last_words(&self.log(node)));
            }
        }
    }
}

fn clients_of(suite: &Suite) -> Clients {
    clients(&suite.nodes)
}

fn clients(nodes: &[Node]) -> Clients {
    let to = |service: Service| {
        let node = nodes.iter().find(|node| node.serves(service)).expect("one process runs it");
        channel(&node.address())
    };
    Clients {
        identity: attune_client::identity(to(Service::IdentityResolution)),
        profile: attune_client::profile(to(Service::Profile)),
        journey: attune_client::journey(to(Service::JourneyPathing)),
        decision: attune_client::decision(to(Service::Decision)),
        contact: attune_client::contact(to(Service::ContactOptimization)),
        channel: attune_client::channel(to(Service::ChannelGateway)),
    }
}

fn channel(address: &str) -> Channel {
    let options = Options { deadline: Duration::from_secs(60), ..Options::default() };
    Channel::remote([format!("http://{address}")], &options).expect("an address")
}

/// A port that nobody listens on, below those that the system gives to outgoing connections: a restarted process must
/// find its port free.
fn free_port() -> u16 {
    for _ in 0..1000 {
        let port = 20_000 + rand::random::<u16>() % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port")
}

/// The lines of a file that a file channel wrote, as JSON.
#[must_use]
pub fn lines(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}
