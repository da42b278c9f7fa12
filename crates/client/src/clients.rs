//! The six generated clients over [`Channel`].

use attune_proto::channel::v1::channel_service_client::ChannelServiceClient;
use attune_proto::contact::v1::contact_service_client::ContactServiceClient;
use attune_proto::decision::v1::decision_service_client::DecisionServiceClient;
use attune_proto::identity::v1::identity_service_client::IdentityServiceClient;
use attune_proto::journey::v1::journey_service_client::JourneyServiceClient;
use attune_proto::profile::v1::audience_service_client::AudienceServiceClient;
use attune_proto::profile::v1::model_service_client::ModelServiceClient;
use attune_proto::profile::v1::profile_service_client::ProfileServiceClient;

use crate::Channel;

/// The longest answer a client takes: the servers' own limits are for requests, and ours are trusted.
const LONGEST_ANSWER: usize = 256 << 20;

macro_rules! clients {
    ($($(#[$doc:meta])* $make:ident: $name:ident = $generated:ident;)*) => {
        $(
            $(#[$doc])*
            pub type $name = $generated<Channel>;

            $(#[$doc])*
            #[must_use]
            pub fn $make(channel: Channel) -> $name {
                $generated::new(channel).max_decoding_message_size(LONGEST_ANSWER)
            }
        )*

        /// A client of each service.
        #[derive(Debug, Clone)]
        pub struct Clients {
            $($(#[$doc])* pub $make: $name,)*
        }

        impl Clients {
            /// All services behind one channel: one process that serves them all.
            #[must_use]
            pub fn over(channel: &Channel) -> Self {
                Self { $($make: $make(channel.clone()),)* }
            }
        }
    };
}

clients! {
    /// Client of identity-resolution.
    identity: IdentityClient = IdentityServiceClient;
    /// Client of profile.
    profile: ProfileClient = ProfileServiceClient;
    /// Client of journey-pathing.
    journey: JourneyClient = JourneyServiceClient;
    /// Client of decision.
    decision: DecisionClient = DecisionServiceClient;
    /// Client of contact-optimization.
    contact: ContactClient = ContactServiceClient;
    /// Client of channel-gateway.
    channel: ChannelClient = ChannelServiceClient;
}

/// Client of profile's answers about many persons at once.
pub type AudienceClient = AudienceServiceClient<Channel>;

/// Client of profile's answers about many persons at once.
#[must_use]
pub fn audience(channel: Channel) -> AudienceClient {
    AudienceServiceClient::new(channel).max_decoding_message_size(LONGEST_ANSWER)
}

/// Client of profile's models.
pub type ModelClient = ModelServiceClient<Channel>;

/// Client of profile's models.
#[must_use]
pub fn model(channel: Channel) -> ModelClient {
    ModelServiceClient::new(channel).max_decoding_message_size(LONGEST_ANSWER)
}
