//! Typed clients of the six services: deadlines, retries, balancing; in the same process or over the network with one type.
//!
//! ```no_run
//! # async fn call(routes: tonic::service::Routes) -> Result<(), Box<dyn std::error::Error>> {
//! use attune_client::{Channel, Options, RetryPolicy, decision, retry};
//! use attune_proto::decision::v1::GetOfferRequest;
//!
//! // A service of this process, or one behind addresses: the callers see no difference.
//! let here = decision(Channel::in_process(routes, &Options::default()));
//! let there = decision(Channel::remote(["http://decision:50051"], &Options::default())?);
//! for client in [here, there] {
//!     let offer = retry::idempotent(&RetryPolicy::default(), || {
//!         let mut client = client.clone();
//!         async move { client.get_offer(GetOfferRequest { offer_id: "gold".to_owned() }).await }
//!     })
//!     .await?;
//! }
//! # Ok(()) }
//! ```
//!
//! * [`Channel`]: what a generated client calls through.
//! * [`deadline`]: how long a call may take, and how that travels.
//! * [`retry`]: again, when that is safe and may help.
//! * [`Clients`]: all six.
//!
//! The context of a call (its trace and its [`Deadline`](attune_kernel::Deadline)) is read from the current
//! [`opentelemetry::Context`], where the server side of the service kit puts it. A task that is spawned does not inherit
//! it; attach it there with [`deadline::within`] or `opentelemetry`'s own `with_context`.

mod body;
mod channel;
mod clients;
pub mod deadline;
mod observe;
mod remote;
pub mod retry;
mod status;

pub use channel::Channel;
pub use clients::{
    AudienceClient, ChannelClient, Clients, ContactClient, DecisionClient, IdentityClient, JourneyClient, ModelClient,
    ProfileClient, audience, channel, contact, decision, identity, journey, model, profile,
};
pub use remote::{InvalidAddress, Options, Tls};
pub use retry::RetryPolicy;
