//! What people say of a route; all that its handler's types cannot tell.

use super::answers::{Answer, Refusal};

/// The words of a route.
#[derive(Clone, Copy)]
pub struct Words {
    /// Name of the operation, for generated clients.
    pub id: &'static str,
    /// What it does, on one line.
    pub summary: &'static str,
    /// More on it, or nothing.
    pub details: &'static str,
    /// Name of the schema of its body, where it takes JSON.
    pub takes: Option<&'static str>,
    /// Name of the schema of what it lists.
    pub lists: Option<&'static str>,
    /// Parameters beyond those of the path and of what the handler takes.
    pub parameters: &'static [&'static str],
    /// Answers that are no refusals, and refusals with a body of their own.
    pub answers: &'static [Answer],
    /// Refusals beyond those of what the handler takes.
    pub refusals: &'static [Refusal],
}

impl Words {
    /// A route that gives these answers.
    pub const fn new(id: &'static str, summary: &'static str, answers: &'static [Answer]) -> Words {
        let none: &[Refusal] = &[];
        Words { id, summary, details: "", takes: None, lists: None, parameters: &[], answers, refusals: none }
    }

    /// A route that lists what has the schema of this name.
    pub const fn list(id: &'static str, summary: &'static str, name: &'static str) -> Words {
        Words { lists: Some(name), ..Words::new(id, summary, &[]) }
    }

    /// With more to say.
    pub const fn details(self, details: &'static str) -> Words {
        Words { details, ..self }
    }

    /// With a body of the schema of this name.
    pub const fn takes(self, name: &'static str) -> Words {
        Words { takes: Some(name), ..self }
    }

    /// With parameters of its own.
    pub const fn parameters(self, parameters: &'static [&'static str]) -> Words {
        Words { parameters, ..self }
    }

    /// With refusals of its own.
    pub const fn refuses(self, refusals: &'static [Refusal]) -> Words {
        Words { refusals, ..self }
    }
}
