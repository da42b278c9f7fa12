//! How alike two strings are.
