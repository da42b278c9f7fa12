//! Standard methods over the resource store, for any message.
//!
//! [`Crud<R>`] creates, reads, lists, updates and deletes resources of one kind; [`Compiled`] keeps a view made from all
//! records of some kinds and makes it anew when they change. The stored body is the message without what the store
//! knows better: id, etag and times.

mod canonical;
mod compiled;
mod mask;
mod methods;
mod page;
mod resource;

pub use attune_kernel::Violation;
pub use prost_types::Timestamp as ProtoTimestamp;

pub use compiled::{Compiled, Records, Writes};
pub use methods::{Crud, Page};
pub use page::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, PageToken, page_size};
pub use resource::Resource;
