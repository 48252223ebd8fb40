//! Who may enter: the checks of IDENTIFY in the order of PROTOCOL.md, "Identify". Only the name's uniqueness is the registry's.

use concierge_api_rs::{CloseCode, DecodeError, Identify, cut_reason, limits};
use semver::{Version, VersionReq};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What the hub asks of a client that enters.
pub struct Door {
    /// Digests have one length, so comparing them tells nothing about the secret's.
    secret: Option<[u8; 32]>,
    version: VersionReq,
}

impl Door {
    /// A door with or without a secret.
    ///
    /// # Panics
    /// Never: the version requirement is a constant that a test parses.
    #[must_use]
    pub fn new(secret: Option<&str>) -> Self {
        Self {
            secret: secret.map(digest),
            version: VersionReq::parse(limits::VERSION_REQUIREMENT).expect("a constant requirement parses"),
        }
    }

    /// The first text message of a connection: a client that may ask for its name, or the close code and its reason.
    ///
    /// # Errors
    /// 4002, 4003, 4006 or 4007, with a reason that fits into a close frame.
    pub fn admit(&self, text: &str) -> Result<Identify, (CloseCode, String)> {
        let refuse = |code: CloseCode, why: &str| Err((code, cut_reason(why).to_owned()));
        let identify = match Identify::decode(text) {
            Ok(identify) => identify,
            Err(DecodeError::Malformed(why)) => return refuse(CloseCode::FatalDecode, &why),
            Err(DecodeError::Unsupported) => return refuse(CloseCode::NoAuth, "IDENTIFY first"),
        };
        if !self.knows(identify.secret.as_deref()) {
            return refuse(CloseCode::BadSecret, "secret: wrong or missing");
        }
        match Version::parse(&identify.version) {
            Err(e) => refuse(CloseCode::BadVersion, &format!("version: {e}")),
            Ok(version) if !self.version.matches(&version) => {
                refuse(CloseCode::BadVersion, &format!("version: {version} does not match {}", self.version))
            }
            Ok(_) => Ok(identify),
        }
    }

    /// Whether that is the secret, or there is none. Takes the same time whatever was given.
    #[must_use]
    pub fn knows(&self, given: Option<&str>) -> bool {
        match &self.secret {
            None => true,
            // a missing secret is compared too: it takes as long as a wrong one
            Some(secret) => bool::from(secret.ct_eq(&digest(given.unwrap_or_default()))) && given.is_some(),
        }
    }
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
#[path = "door/tests.rs"]
mod tests;
