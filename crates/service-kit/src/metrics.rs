//! Instruments declared once, in one table a service, so that a test can hold them against the documentation.
//!
//! ```
//! attune_service_kit::instruments! {
//!     /// The instruments of this service.
//!     pub struct Metrics("attune.decision") {
//!         /// Decisions made.
//!         decisions: Counter("attune.decision.decisions", "{decision}", "decisions made", ["placement", "outcome"]),
//!         /// How long arbitration takes.
//!         arbitration: Histogram("attune.decision.arbitration.duration", "s", "time spent in arbitration", ["placement"]),
//!     }
//! }
//! let metrics = Metrics::new();
//! metrics.decisions.add(1, &[attune_service_kit::metrics::KeyValue::new("placement", "home")]);
//! assert_eq!(Metrics::ALL[0].unit, "{decision}");
//! ```

pub use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

/// What an instrument measures with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A sum that only grows.
    Counter,
    /// A sum that grows and shrinks.
    UpDownCounter,
    /// The last value.
    Gauge,
    /// A distribution; of durations in seconds it resolves below a millisecond.
    Histogram,
}

/// One declared instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instrument {
    /// Kind.
    pub kind: Kind,
    /// Name, dotted, beginning with `attune.` unless a convention gives it.
    pub name: &'static str,
    /// Unit in UCUM, such as `s`, `By`, `{decision}`.
    pub unit: &'static str,
    /// What it measures.
    pub description: &'static str,
    /// The attributes it may carry; never one that names a person.
    pub attributes: &'static [&'static str],
}

/// Bounds of duration histograms in seconds: 50 microseconds to 10 seconds.
pub const DURATION_BOUNDS: [f64; 17] =
    [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The process's meter of a scope. Call it after telemetry has started: what an instrument is made from before then
/// records nothing.
#[must_use]
pub fn meter(scope: &'static str) -> Meter {
    opentelemetry::global::meter(scope)
}

/// Makes the instrument of a declaration; [`instruments!`](crate::instruments) calls these.
pub mod make {
    use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter};

    use super::Instrument;

    /// A counter.
    #[must_use]
    pub fn counter(meter: &Meter, of: &Instrument) -> Counter<u64> {
        meter.u64_counter(of.name).with_unit(of.unit).with_description(of.description).build()
    }

    /// An up-down counter.
    #[must_use]
    pub fn up_down_counter(meter: &Meter, of: &Instrument) -> UpDownCounter<i64> {
        meter.i64_up_down_counter(of.name).with_unit(of.unit).with_description(of.description).build()
    }

    /// A gauge.
    #[must_use]
    pub fn gauge(meter: &Meter, of: &Instrument) -> Gauge<f64> {
        meter.f64_gauge(of.name).with_unit(of.unit).with_description(of.description).build()
    }

    /// A histogram; in seconds it gets [`DURATION_BOUNDS`](super::DURATION_BOUNDS).
    #[must_use]
    pub fn histogram(meter: &Meter, of: &Instrument) -> Histogram<f64> {
        let builder = meter.f64_histogram(of.name).with_unit(of.unit).with_description(of.description);
        if of.unit == "s" { builder.with_boundaries(super::DURATION_BOUNDS.to_vec()).build() } else { builder.build() }
    }
}

/// Declares a struct of instruments with a constant table `ALL` of them; see [the module](crate::metrics).
#[macro_export]
macro_rules! instruments {
    (
        $(#[$doc:meta])*
        $vis:vis struct $name:ident($scope:literal) {
            $(
                $(#[$field_doc:meta])*
                $field:ident: $kind:ident($metric:literal, $unit:literal, $description:literal, [$($attribute:literal),* $(,)?])
            ),* $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        $vis struct $name {
            $($(#[$field_doc])* pub $field: $crate::instruments!(@type $kind),)*
        }

        impl $name {
            /// Every instrument as declared.
            pub const ALL: &'static [$crate::metrics::Instrument] = &[
                $($crate::metrics::Instrument {
                    kind: $crate::metrics::Kind::$kind,
                    name: $metric,
                    unit: $unit,
                    description: $description,
                    attributes: &[$($attribute),*],
                }),*
            ];

            /// Makes the instruments; after telemetry has started.
            #[must_use]
            pub fn new() -> Self {
                let meter = $crate::metrics::meter($scope);
                let mut declared = Self::ALL.iter();
                $(
                    let $field = $crate::instruments!(@make $kind, &meter, declared);
                )*
                Self { $($field),* }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }
    };
    (@type Counter) => { $crate::metrics::Counter };
    (@type UpDownCounter) => { $crate::metrics::UpDownCounter };
    (@type Gauge) => { $crate::metrics::Gauge };
    (@type Histogram) => { $crate::metrics::Histogram };
    (@make $kind:ident, $meter:expr, $declared:ident) => {{
        const EMPTY: $crate::metrics::Instrument = $crate::metrics::Instrument {
            kind: $crate::metrics::Kind::$kind, name: "", unit: "", description: "", attributes: &[],
        };
        let of = $declared.next().unwrap_or(&EMPTY);
        $crate::instruments!(@call $kind, $meter, of)
    }};
    (@call Counter, $meter:expr, $of:expr) => { $crate::metrics::make::counter($meter, $of) };
    (@call UpDownCounter, $meter:expr, $of:expr) => { $crate::metrics::make::up_down_counter($meter, $of) };
    (@call Gauge, $meter:expr, $of:expr) => { $crate::metrics::make::gauge($meter, $of) };
    (@call Histogram, $meter:expr, $of:expr) => { $crate::metrics::make::histogram($meter, $of) };
}

/// A counter of whole things.
pub type Counter = opentelemetry::metrics::Counter<u64>;
/// A sum of whole things that grows and shrinks.
pub type UpDownCounter = opentelemetry::metrics::UpDownCounter<i64>;
/// A last value.
pub type Gauge = opentelemetry::metrics::Gauge<f64>;
/// A distribution.
pub type Histogram = opentelemetry::metrics::Histogram<f64>;
