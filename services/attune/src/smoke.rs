//! `attune smoke`: one real decision against a running server, leaving nothing behind.

use std::time::Instant;

use attune_client::Channel;
use attune_kernel::PersonId;
use attune_proto::decision::v1::{
    CreateOfferRequest, CreatePlacementRequest, DecideRequest, DeleteOfferRequest, DeletePlacementRequest, Offer,
    Placement, Subject,
};
use attune_service_kit::clock::{Clock, IdSource};

use crate::connect::connect;
use crate::exit::Failure;
use crate::options::Address;
use crate::output;

/// Makes an offer and a placement of its own, decides, checks the answer and removes both.
///
/// # Errors
/// What the server answers, or a decision that does not offer what it must.
pub(crate) async fn run(address: Address) -> Result<(), Failure> {
    let channel = connect(&address)?;
    let id = format!("attune-smoke-{:x}", IdSource::random().seed());
    let outcome = decide(channel.clone(), &id).await;
    let mut client = attune_client::decision(channel);
    // Removed even when the decision failed; what cannot be removed is disabled by its own name.
    let offer = client.delete_offer(DeleteOfferRequest { offer_id: id.clone(), ..Default::default() }).await;
    let placement =
        client.delete_placement(DeletePlacementRequest { placement_id: id.clone(), ..Default::default() }).await;
    let (decided, millis) = outcome?;
    offer?;
    placement?;
    output::print(&format!("ok: decided {decided} at {} in {millis:.1} ms", address.address));
    Ok(())
}

async fn decide(channel: Channel, id: &str) -> Result<(String, f64), Failure> {
    let mut client = attune_client::decision(channel);
    let offer = Offer {
        offer_id: id.to_owned(),
        display_name: "smoke test".to_owned(),
        issue: id.to_owned(),
        enabled: true,
        value: 1.0,
        ..Offer::default()
    };
    client.create_offer(CreateOfferRequest { offer: Some(offer), ..Default::default() }).await?;
    let placement = Placement {
        placement_id: id.to_owned(),
        channel: "smoke".to_owned(),
        slots: 1,
        // Only the offer of this test, whatever else the catalogue holds.
        issues: vec![id.to_owned()],
        ..Placement::default()
    };
    client.create_placement(CreatePlacementRequest { placement: Some(placement), ..Default::default() }).await?;
    // Somebody of whom nothing is known: a dry run creates no person, so identifiers would have to be known already.
    let nobody = PersonId::from_parts(Clock::system().now(), IdSource::random().entropy());
    let request = DecideRequest {
        subject: Some(Subject { person_id: nobody.to_string(), ..Subject::default() }),
        placement: id.to_owned(),
        dry_run: true,
        ..DecideRequest::default()
    };
    let began = Instant::now();
    let answer = client.decide(request).await?.into_inner();
    let millis = began.elapsed().as_secs_f64() * 1000.0;
    match answer.offers.first() {
        Some(first) if first.offer_id == id => Ok((first.offer_id.clone(), millis)),
        _ => Err(Failure::other("the decision did not offer the only eligible offer")),
    }
}
