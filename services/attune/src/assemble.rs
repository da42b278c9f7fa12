//! From configuration to services: stores, clients and the order in which services are built.
//!
//! This is the only place that knows which store there is and where the other services are. A service is handed both and
//! cannot tell.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use attune_channel_gateway as gateway;
use attune_client::{self as client, Channel};
use attune_contact_optimization as contact;
use attune_decision as decision;
use attune_identity_resolution as identity;
use attune_journey_pathing as journey;
use attune_kernel::Problem;
use attune_profile as profile;
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::config::{ClientsConfig, Config, StorageConfig, StorageKind};
use attune_service_kit::server::Service;
use attune_storage::{Cache, Engine, Postgres, Storage, migrate};

use crate::exit::Failure;
use crate::options::ServiceName;

/// What a process needs besides its configuration.
#[derive(Clone)]
pub(crate) struct Surroundings {
    /// Business time.
    pub(crate) clock: Clock,
    /// Ids and seeds.
    pub(crate) ids: IdSource,
}

/// Services that are built, with channels to all six: in this process where they run here, remote where configured.
pub(crate) struct Suite {
    pub(crate) services: Vec<Service>,
    pub(crate) channels: BTreeMap<ServiceName, Channel>,
}

/// The clients of all six services.
///
/// # Errors
/// When one of them neither runs here nor has an address.
pub(crate) fn clients(suite: &Suite) -> Result<client::Clients, Failure> {
    let of = |name: ServiceName| {
        let channel = suite.channels.get(&name).cloned();
        channel.ok_or_else(|| Failure::other(format!("{} has no address", name.as_str())))
    };
    Ok(client::Clients {
        identity: client::identity(of(ServiceName::IdentityResolution)?),
        profile: client::profile(of(ServiceName::Profile)?),
        journey: client::journey(of(ServiceName::JourneyPathing)?),
        decision: client::decision(of(ServiceName::Decision)?),
        contact: client::contact(of(ServiceName::ContactOptimization)?),
        channel: client::channel(of(ServiceName::ChannelGateway)?),
    })
}

/// Where state lives, opened once for the process.
enum Ground {
    Embedded(Engine),
    Postgres(Box<StorageConfig>),
}

impl Ground {
    fn open(config: &StorageConfig) -> Result<Self, Problem> {
        Ok(match config.kind {
            StorageKind::Embedded => Self::Embedded(Engine::open(&config.data_dir)?),
            StorageKind::Postgres => Self::Postgres(Box::new(config.clone())),
        })
    }

    /// The store of one service; migrates its schema when the configuration says so.
    async fn storage(&self, schema: &str, migrations: &[attune_storage::Migration]) -> Result<Storage, Problem> {
        Ok(match self {
            Self::Embedded(engine) => Storage::Embedded(engine.clone()),
            Self::Postgres(config) => {
                let postgres = Postgres::connect(config.postgres.of_schema(schema)).await?;
                if config.postgres.migrate_on_start {
                    migrate(&postgres, migrations).await?;
                }
                Storage::Postgres(postgres)
            }
        })
    }
}

/// Every schema with its migrations.
fn schemas() -> [(&'static str, &'static [attune_storage::Migration]); 6] {
    [
        (identity::SCHEMA, identity::MIGRATIONS),
        (profile::SCHEMA, profile::MIGRATIONS),
        (contact::SCHEMA, contact::MIGRATIONS),
        (journey::SCHEMA, journey::MIGRATIONS),
        (decision::SCHEMA, decision::MIGRATIONS),
        (gateway::SCHEMA, gateway::MIGRATIONS),
    ]
}

/// What became of a schema.
pub(crate) struct Migrated {
    /// Its name.
    pub schema: &'static str,
    /// Versions applied.
    pub applied: Vec<u32>,
    /// Keys of persons that were wrapped with the current master key.
    pub rewrapped: u64,
}

/// Applies the migrations of every service and wraps keys that a former master key wrapped.
///
/// # Errors
/// When the store is not Postgres, does not answer, or a migration fails.
pub(crate) async fn migrate_all(config: &Config) -> Result<Vec<Migrated>, Failure> {
    let storage: StorageConfig = section(config)?;
    if storage.kind != StorageKind::Postgres {
        return Err(Failure::usage("the embedded store has no migrations; set storage.kind to postgres"));
    }
    let mut out = Vec::new();
    for (schema, migrations) in schemas() {
        let postgres = Postgres::connect(storage.postgres.of_schema(schema)).await.map_err(Problem::from)?;
        let applied = migrate(&postgres, migrations).await.map_err(Problem::from)?;
        // A master key that was changed takes effect here: without a former one there is nothing to do.
        let rewrapped = postgres.vault().rewrap(&postgres).await.map_err(Problem::from)?;
        out.push(Migrated { schema, applied, rewrapped });
    }
    Ok(out)
}

/// A section of a loaded configuration.
pub(crate) fn section<S: attune_service_kit::config::Section>(config: &Config) -> Result<S, Failure> {
    config.section().map_err(|errors| Failure::input(errors.to_string()))
}

/// Builds the named services, callees first.
///
/// # Errors
/// When a store does not answer, a callee has no address, or a service refuses its configuration.
pub(crate) async fn build(config: &Config, names: &[ServiceName], around: &Surroundings) -> Result<Suite, Failure> {
    let storage: StorageConfig = section(config)?;
    let ground = Ground::open(&storage)?;
    let cache = if storage.redis.url.is_empty() {
        Cache::none()
    } else {
        Cache::connect(&storage.redis.to_cache()).map_err(Problem::from)?
    };
    let mut suite = Suite { services: Vec::new(), channels: remotes(&section(config)?)? };
    for name in ServiceName::ALL.into_iter().filter(|name| names.contains(name)) {
        let service = one(config, name, &ground, &cache, around, &suite, &storage).await?;
        let options = client_options(&section(config)?)?;
        // A service of this process is called here even when an address is configured for others.
        suite.channels.insert(name, Channel::in_process(service.in_process(), &options));
        suite.services.push(service);
    }
    Ok(suite)
}

async fn one(
    config: &Config,
    name: ServiceName,
    ground: &Ground,
    cache: &Cache,
    around: &Surroundings,
    suite: &Suite,
    storage_config: &StorageConfig,
) -> Result<Service, Failure> {
    let (clock, ids, cache) = (around.clock.clone(), around.ids.clone(), cache.clone());
    let channel = |callee: ServiceName| {
        let found = suite.channels.get(&callee).cloned();
        found.ok_or_else(|| {
            Failure::input(format!(
                "clients.{}: must be set, because {} calls it and it does not run in this process",
                callee.as_str().replace('-', "_"),
                name.as_str()
            ))
        })
    };
    let service = match name {
        ServiceName::IdentityResolution => {
            let storage = ground.storage(identity::SCHEMA, identity::MIGRATIONS).await?;
            identity::build(section(config)?, identity::Deps { storage, cache, clock, ids }).await?
        }
        ServiceName::Profile => {
            let storage = ground.storage(profile::SCHEMA, profile::MIGRATIONS).await?;
            profile::build(section(config)?, profile::Deps { storage, cache, clock, ids }).await?
        }
        ServiceName::ContactOptimization => {
            let storage = ground.storage(contact::SCHEMA, contact::MIGRATIONS).await?;
            contact::build(section(config)?, contact::Deps { storage, clock, ids }).await?
        }
        ServiceName::JourneyPathing => {
            let storage = ground.storage(journey::SCHEMA, journey::MIGRATIONS).await?;
            let profile = client::profile(channel(ServiceName::Profile)?);
            journey::build(section(config)?, journey::Deps { storage, cache, clock, ids, profile }).await?
        }
        ServiceName::Decision => {
            let storage = ground.storage(decision::SCHEMA, decision::MIGRATIONS).await?;
            let identity = client::identity(channel(ServiceName::IdentityResolution)?);
            let profile = client::profile(channel(ServiceName::Profile)?);
            let contact = client::contact(channel(ServiceName::ContactOptimization)?);
            let deps = decision::Deps { storage, cache, clock, ids, identity, profile, contact };
            decision::build(section(config)?, deps).await?
        }
        ServiceName::ChannelGateway => {
            let storage = ground.storage(gateway::SCHEMA, gateway::MIGRATIONS).await?;
            let callees = gateway::Callees {
                identity: client::identity(channel(ServiceName::IdentityResolution)?),
                profile: client::profile(channel(ServiceName::Profile)?),
                journey: client::journey(channel(ServiceName::JourneyPathing)?),
                decision: client::decision(channel(ServiceName::Decision)?),
                contact: client::contact(channel(ServiceName::ContactOptimization)?),
            };
            let data_dir = storage_config.data_dir.clone();
            gateway::build(section(config)?, gateway::Deps { storage, clock, ids, callees, data_dir }).await?
        }
    };
    Ok(service)
}

/// Channels to the services that have addresses.
fn remotes(config: &ClientsConfig) -> Result<BTreeMap<ServiceName, Channel>, Failure> {
    let options = client_options(config)?;
    let fields = [
        (ServiceName::IdentityResolution, &config.identity_resolution),
        (ServiceName::Profile, &config.profile),
        (ServiceName::JourneyPathing, &config.journey_pathing),
        (ServiceName::Decision, &config.decision),
        (ServiceName::ContactOptimization, &config.contact_optimization),
        (ServiceName::ChannelGateway, &config.channel_gateway),
    ];
    let mut out = BTreeMap::new();
    for (name, field) in fields {
        let addresses: Vec<&str> = ClientsConfig::addresses(field).collect();
        if !addresses.is_empty() {
            let channel = Channel::remote(addresses, &options)
                .map_err(|error| Failure::input(format!("clients.{}: {error}", name.as_str().replace('-', "_"))))?;
            out.insert(name, channel);
        }
    }
    Ok(out)
}

/// How calls are made, with the certificates read.
fn client_options(config: &ClientsConfig) -> Result<client::Options, Failure> {
    let read = |name: &str, path: &PathBuf| {
        if path == Path::new("") {
            return Ok(Vec::new());
        }
        std::fs::read(path).map_err(|error| Failure::input(format!("clients.{name}: {}: {error}", path.display())))
    };
    Ok(client::Options {
        deadline: config.deadline,
        api_key: config.api_key.clone(),
        tls: client::Tls {
            ca: read("ca_file", &config.ca_file)?,
            certificate: read("cert_file", &config.cert_file)?,
            key: read("key_file", &config.key_file)?,
        },
    })
}
