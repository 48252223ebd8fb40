//! Where what is durable is kept when nobody said where.

use std::env;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use concierge_store::Place;

/// The file in the state directory.
const FILE: &str = "coordinator.db";

/// The configured place, which was checked before; else a database in the state directory; else, for a user without a home,
/// nowhere.
pub(crate) fn place(url: Option<&str>) -> Place {
    if let Some(url) = url {
        return url.parse().expect("the configuration was checked");
    }
    let variable = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    match directory(variable("STATE_DIRECTORY"), variable("XDG_STATE_HOME"), variable("HOME")) {
        Some(directory) => {
            // for this user alone; when it can't be made, opening the file says why
            let _made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
            Place::Sqlite(directory.join(FILE))
        }
        None => {
            tracing::warn!("promises and tasks go with this process: set `store.url`, or HOME");
            Place::Memory
        }
    }
}

/// What systemd gives a service, else what the XDG base directories say.
fn directory(service: Option<PathBuf>, state: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let below = |path: &Path| path.join("concierge");
    service.or_else(|| state.as_deref().map(below)).or_else(|| home.map(|home| below(&home.join(".local/state"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_keeps_its_state_where_systemd_says_and_a_user_where_xdg_says() {
        let path = |path: &str| Some(PathBuf::from(path));
        assert_eq!(directory(path("/var/lib/concierge"), path("/s"), path("/h")), path("/var/lib/concierge"));
        assert_eq!(directory(None, path("/s"), path("/h")), path("/s/concierge"));
        assert_eq!(directory(None, None, path("/h")), path("/h/.local/state/concierge"));
        assert_eq!(directory(None, None, None), None);
    }

    #[test]
    fn what_is_configured_counts_first() {
        assert_eq!(place(Some("memory:")), Place::Memory);
        assert_eq!(place(Some("sqlite:a.db")), Place::Sqlite("a.db".into()));
    }
}
