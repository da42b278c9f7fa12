//! Where journeys break, whom it hits, what it costs and what goes with it.
//!
//! | module | answers |
//! |---|---|
//! | [`abandonment`] | what was started and not finished, with the last step and the last field |
//! | [`struggle`] | sessions by signals of trouble, as points that add up |
//! | [`impact`] | the value that an obstacle costs, with an interval |
//! | [`features`] | what events and values each sequence shows |
//! | [`evidence`] | which of these go with an outcome: lift, odds ratio, corrected p |
//! | [`regression`] | what each adds beside all the others, with an interval |
//! | [`number`] | the distributions behind intervals and p |
//!
//! Every answer names the sequences that it counts, so that their customers can be written to.
//!
//! Deliberately absent: clocks, randomness, I/O, and the word "because": these are figures of what goes together.

pub mod abandonment;
pub mod evidence;
pub mod features;
pub mod impact;
pub mod number;
pub mod regression;
pub mod struggle;
