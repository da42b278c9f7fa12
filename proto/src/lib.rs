//! The suite's contracts: messages, clients and servers generated from `attune/<package>/v1/*.proto`, with the field
//! rules that stand in them as protovalidate annotations turned into [`Validate`].
//!
//! * One module a package: [`identity`], [`profile`], [`journey`], [`decision`], [`contact`], [`channel`].
//! * [`FILE_DESCRIPTOR_SET`] for gRPC reflection, [`descriptor_pool`] for dynamic messages.
//! * [`violations`] checks a request and names each broken field by its path.

use std::sync::LazyLock;

use prost_reflect::DescriptorPool;

mod validate;

pub use validate::{Path, Validate, Violation, violations, violations_by_name};

macro_rules! package {
    ($(#[$doc:meta])* $name:ident, $file:literal) => {
        $(#[$doc])*
        pub mod $name {
            #[expect(missing_docs, reason = "generated: fields are documented in the .proto, oneof modules are not")]
            #[allow(clippy::all, clippy::pedantic, unreachable_pub, reason = "generated")]
            pub mod v1 {
                include!(concat!(env!("OUT_DIR"), "/", $file, ".rs"));
            }
        }
    };
}

package! {
    /// Who is this: identifiers resolve to one stable person id.
    identity, "attune.identity.v1"
}
package! {
    /// The single interaction view of each person.
    profile, "attune.profile.v1"
}
package! {
    /// What people do, where they leave, and the right moment.
    journey, "attune.journey.v1"
}
package! {
    /// What now for this person here: rules, arbitration, learning.
    decision, "attune.decision.v1"
}
package! {
    /// Every contact inside the limits of business and customer.
    contact, "attune.contact.v1"
}
package! {
    /// Every source in, every channel out, each contact once.
    channel, "attune.channel.v1"
}

/// The encoded `FileDescriptorSet` of all packages with their imports.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The descriptors of all packages with their imports, for dynamic messages.
///
/// # Panics
/// Never: the descriptors are compiled in and a test decodes them.
pub fn descriptor_pool() -> &'static DescriptorPool {
    static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
        #[expect(clippy::expect_used, reason = "compiled-in bytes that a test decodes")]
        DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("compiled-in descriptors decode")
    });
    &POOL
}
