//! Who carries messages. The providers are the members of one enum: configuration chooses, nothing is looked up by name.

mod directory;
mod file;
mod webhook;

use std::time::Duration;

use crate::domain::delivery::{Outcome, ProviderMemory};
use crate::domain::record::Delivery;

pub(crate) use directory::{Channels, Directory, Ready, Settings, Templates, check_channel_with};
pub(crate) use file::FileProvider;
pub(crate) use webhook::WebhookProvider;

/// What a provider said to an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// How the attempt ended.
    pub outcome: Outcome,
    /// What was said, at most 200 characters, never the message.
    pub detail: String,
}

impl Answer {
    /// An answer.
    pub(crate) fn new(outcome: Outcome, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if let Some((cut, _)) = detail.char_indices().nth(200) {
            detail.truncate(cut);
        }
        Self { outcome, detail }
    }
}

/// A rendered message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// The subject; empty for none.
    pub subject: String,
    /// The text.
    pub body: String,
}

/// A way to carry a message.
#[derive(Clone)]
pub(crate) enum Provider {
    /// Lines in a file.
    File(FileProvider),
    /// An HTTP endpoint.
    Webhook(Box<WebhookProvider>),
    /// People.
    Lead,
}

impl Provider {
    /// What it offers against doubles.
    #[must_use]
    pub(crate) fn memory(&self) -> ProviderMemory {
        match self {
            Self::File(file) => file.memory(),
            Self::Webhook(webhook) => webhook.memory(),
            // The lead is stored in the commit of the outcome, under the delivery's id.
            Self::Lead => ProviderMemory::HonoursKey,
        }
    }

    /// The longest it may take to answer.
    #[must_use]
    pub(crate) fn patience(&self) -> Duration {
        match self {
            Self::Webhook(webhook) => webhook.patience(),
            Self::File(_) | Self::Lead => Duration::ZERO,
        }
    }

    /// Whether the delivery becomes a lead.
    #[must_use]
    pub(crate) const fn is_lead(&self) -> bool {
        matches!(self, Self::Lead)
    }

    /// Carries a message under the delivery's id as key.
    pub(crate) async fn send(&self, delivery: &Delivery, message: &Message) -> Answer {
        match self {
            Self::File(file) => file.send(delivery, message).await,
            Self::Webhook(webhook) => webhook.send(delivery, message).await,
            Self::Lead => Answer::new(Outcome::Delivered, "lead"),
        }
    }

    /// Whether the provider has a delivery.
    ///
    /// # Errors
    /// Why it cannot be told now.
    pub(crate) async fn look_up(&self, key: &str) -> Result<bool, String> {
        match self {
            Self::File(file) => file.look_up(key).await,
            Self::Webhook(webhook) => webhook.look_up(key).await,
            Self::Lead => Ok(false),
        }
    }
}
