//! Which person is meant.

use attune_client::Channel;
use attune_proto::identity::v1::{Identifier, ResolveRequest};

use crate::exit::Failure;
use crate::options::profile::WhichPerson;

/// The id of the person: as given, or asked of identity without creating anybody.
///
/// # Errors
/// Bad input when nobody has the identifier.
pub(crate) async fn id(channel: Channel, which: &WhichPerson) -> Result<String, Failure> {
    let Some((namespace, value)) = &which.identifier else {
        return Ok(which.person.clone().unwrap_or_default());
    };
    let identifiers = vec![Identifier { namespace: namespace.clone(), value: value.clone() }];
    let request = ResolveRequest { identifiers, read_only: true, ..ResolveRequest::default() };
    Ok(attune_client::identity(channel).resolve(request).await?.into_inner().person_id)
}
