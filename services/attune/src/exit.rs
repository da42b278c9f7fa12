//! How the command ends: 0 done, 2 usage, 3 bad input, 4 a dependency is unavailable, 1 anything else.

use std::fmt;
use std::process::ExitCode;

/// Why the command did not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// The arguments do not make sense together.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    /// A file or field is wrong; the message names it.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self { code: 3, message: message.into() }
    }

    /// Something that is needed does not answer.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self { code: 4, message: message.into() }
    }

    /// Anything else.
    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }

    /// The process's exit code.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<tonic::Status> for Failure {
    fn from(status: tonic::Status) -> Self {
        let message = format!("{:?}: {}", status.code(), status.message());
        match status.code() {
            tonic::Code::Unavailable | tonic::Code::DeadlineExceeded => Self::unavailable(message),
            tonic::Code::InvalidArgument | tonic::Code::NotFound | tonic::Code::OutOfRange => Self::input(message),
            _ => Self::other(message),
        }
    }
}

impl From<attune_kernel::Problem> for Failure {
    fn from(problem: attune_kernel::Problem) -> Self {
        use attune_kernel::Code;
        match problem.code {
            Code::Unavailable | Code::DeadlineExceeded => Self::unavailable(problem.to_string()),
            Code::InvalidArgument | Code::NotFound | Code::OutOfRange => Self::input(problem.to_string()),
            _ => Self::other(problem.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::other(error.to_string())
    }
}
