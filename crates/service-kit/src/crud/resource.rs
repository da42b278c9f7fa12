//! What the standard methods must know of a message to store it.

use attune_kernel::Violation;
use attune_proto::Validate;

/// A kind of resource: a type of its own that says how the message of the kind is used, because the messages and this
/// trait belong to other crates than the service that brings them together. [`resource!`](crate::resource) writes it.
pub trait Resource: Send + Sync + 'static {
    /// The message.
    type Message: prost::Message + prost::Name + Default + Clone + Validate + Send + Sync + 'static;
    /// Its kind in the store, and the name of the field that holds it in requests, such as `offer`.
    const KIND: &'static str;
    /// The name of its id's field, such as `offer_id`.
    const ID_FIELD: &'static str;

    /// Its id.
    fn id(message: &Self::Message) -> &str;
    /// Sets its id.
    fn set_id(message: &mut Self::Message, id: String);
    /// Its etag; empty when the caller expects no particular version.
    fn etag(message: &Self::Message) -> &str;
    /// Sets its etag.
    fn set_etag(message: &mut Self::Message, etag: String);
    /// Sets when it was created and last written.
    fn set_times(
        message: &mut Self::Message,
        created: Option<prost_types::Timestamp>,
        updated: Option<prost_types::Timestamp>,
    );

    /// What is wrong with it beyond its field rules, such as an expression that does not compile; fields are paths
    /// within the resource, such as `eligibility`.
    fn check(message: &Self::Message) -> Vec<Violation> {
        let _ = message;
        Vec::new()
    }
}

/// Declares a kind of resource whose message has the fields `etag`, `create_time`, `update_time` and an id.
///
/// ```
/// use attune_kernel::Violation;
/// use attune_proto::decision::v1::Offer;
///
/// fn check(offer: &Offer) -> Vec<Violation> {
///     let endless = offer.value > 0.0 && offer.end_time.is_none();
///     endless.then(|| Violation::new("end_time", "must be set for an offer of value")).into_iter().collect()
/// }
///
/// attune_service_kit::resource! {
///     /// Offers.
///     pub Offers(Offer) { kind: "offer", id: offer_id, check: check }
/// }
/// ```
#[macro_export]
macro_rules! resource {
    (
        $(#[$doc:meta])*
        $vis:vis $name:ident($message:ty) { kind: $kind:literal, id: $id:ident $(, check: $check:expr)? $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        $vis enum $name {}

        impl $crate::crud::Resource for $name {
            type Message = $message;
            const KIND: &'static str = $kind;
            const ID_FIELD: &'static str = stringify!($id);

            fn id(message: &$message) -> &str {
                &message.$id
            }

            fn set_id(message: &mut $message, id: String) {
                message.$id = id;
            }

            fn etag(message: &$message) -> &str {
                &message.etag
            }

            fn set_etag(message: &mut $message, etag: String) {
                message.etag = etag;
            }

            fn set_times(
                message: &mut $message,
                created: Option<$crate::crud::ProtoTimestamp>,
                updated: Option<$crate::crud::ProtoTimestamp>,
            ) {
                message.create_time = created;
                message.update_time = updated;
            }

            $(
                fn check(message: &$message) -> Vec<$crate::crud::Violation> {
                    ($check)(message)
                }
            )?
        }
    };
}
