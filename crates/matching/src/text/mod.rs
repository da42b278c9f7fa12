//! Values of every role made comparable, in every script.
