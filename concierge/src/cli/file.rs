//! `concierge file`: files on the hub.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use concierge_client::{Client, ClientName, FileEntry, FileKey, FileStored, Files, FilesError, HubUrl, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::client_args::ClientArgs;
use super::connected::{self, NOTHING, Stop};
use super::exit::{Exit, Failure};
use super::output::Output;

/// Put, get, list and remove files on the hub
///
/// Every connected client has a folder of its name, which lives as long as the client. So `put` stays until Ctrl-C,
/// unless it is given the key of a client that is connected already.
#[derive(Debug, Args)]
pub(crate) struct File {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Share a file until Ctrl-C; or, with --key, put it into a connected client's folder
    #[command(after_help = "Example: concierge file put map.png maps/ --name ada")]
    Put(Put),
    /// Get a file from any client's folder
    #[command(after_help = "Example: concierge file get ada/maps/map.png -")]
    Get(Get),
    /// List the files of a client's folder
    #[command(after_help = "Example: concierge file ls ada/maps/")]
    Ls(Ls),
    /// Remove a file, or a folder that ends in `/`, from the folder of the client whose key it is
    #[command(after_help = "Example: concierge file rm ada/maps/ --key FS_KEY")]
    Rm(Rm),
}

/// How we show that we may.
#[derive(Debug, Args)]
struct Access {
    #[command(flatten)]
    client: ClientArgs,

    /// The file key (`fs_key` of HELLO) of a client that is connected; no connection of our own is made then
    #[arg(long, env = "CONCIERGE_FS_KEY", hide_env_values = true)]
    key: Option<FileKey>,

    /// Where the file server is, when it is not at the hub's address (`files.listen`)
    #[arg(long, env = "CONCIERGE_FILES_URL", value_name = "URL")]
    files: Option<HubUrl>,
}

#[derive(Debug, Args)]
struct Put {
    #[command(flatten)]
    access: Access,

    /// The file to share; `-` is stdin
    local: PathBuf,

    /// Its path in the folder [default: the file's own name]
    path: Option<String>,
}

#[derive(Debug, Args)]
struct Get {
    #[command(flatten)]
    access: Access,

    /// The file: CLIENT/PATH
    #[arg(value_name = "CLIENT/PATH")]
    place: Place,

    /// Where to write it; `-` is stdout [default: its own name, here]
    local: Option<PathBuf>,

    /// Replace a file that is there
    #[arg(short, long)]
    force: bool,
}

#[derive(Debug, Args)]
struct Ls {
    #[command(flatten)]
    access: Access,

    /// The folder: CLIENT, or CLIENT/FOLDER/
    #[arg(value_name = "CLIENT[/FOLDER/]")]
    place: Place,
}

#[derive(Debug, Args)]
struct Rm {
    #[command(flatten)]
    access: Access,

    /// The file: CLIENT/PATH; a folder ends in `/`
    #[arg(value_name = "CLIENT/PATH")]
    place: Place,
}

/// A path in a client's folder, as it is written on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    client: ClientName,
    path: String,
}

impl std::str::FromStr for Place {
    type Err = concierge_client::NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (client, path) = text.split_once('/').unwrap_or((text, ""));
        Ok(Self { client: client.parse()?, path: path.to_owned() })
    }
}

impl File {
    /// # Errors
    /// The server refused, or the local file failed.
    pub(crate) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        match self.command {
            Command::Put(put) => put.run(output).await,
            Command::Get(get) => get.run(output).await,
            Command::Ls(ls) => ls.run(output).await,
            Command::Rm(rm) => rm.run(output).await,
        }
    }
}

/// The server, and the connection that our key comes from, if it is ours.
struct Server {
    files: Files,
    client: Option<Client>,
}

impl Access {
    async fn server(&self) -> Result<Server, Failure> {
        let mut options = self.client.options()?.reconnect(None);
        if let Some(url) = &self.files {
            options = options.files_at(url.clone());
        }
        if let Some(key) = self.key {
            return Ok(Server { files: Files::with_key(options, key), client: None });
        }
        let client = Client::connect(options.intents(NOTHING)).await?;
        Ok(Server { files: client.files(), client: Some(client) })
    }
}

impl Server {
    async fn close(self) {
        if let Some(client) = self.client {
            client.close().await;
        }
    }
}

impl Put {
    async fn run(self, output: &mut Output) -> Result<(), Failure> {
        self.check_local()?;
        let path = self.path()?;
        if self.access.key.is_some() && self.access.client.name.is_none() {
            return Err(Failure::new(Exit::Usage, "--key needs --name: the name of the client whose key it is"));
        }
        let mut stop = Stop::listen()?;
        let server = self.access.server().await?;
        let stored = tokio::select! {
            biased; // to stop comes first
            () = stop.asked() => Err(Stop::failure()),
            stored = self.upload(&server.files, &path, output) => stored,
        }?;
        let url = server.files.url(&path);
        let owner = server.files.owner().clone();
        output.result(&json!({ "client": owner, "path": path, "size": stored.size, "etag": stored.etag, "url": url }), |_| {
            format!("{owner}/{path}")
        })?;
        let Some(client) = server.client else { return Ok(()) };
        output.note(&format!("Shared until Ctrl-C; elsewhere: concierge file get {owner}/{path}"));
        connected::hold(&client, client.status_changes(), &mut stop, output).await
    }

    /// Where it goes in the folder.
    fn path(&self) -> Result<String, Failure> {
        let name = || self.local.file_name().and_then(|name| name.to_str()).filter(|_| !self.is_stdin()).map(str::to_owned);
        match &self.path {
            Some(path) if path.is_empty() || path.ends_with('/') => name().map(|name| format!("{path}{name}")),
            Some(path) => Some(path.clone()),
            None => name(),
        }
        .ok_or_else(|| Failure::new(Exit::Usage, "the path in the folder is missing").try_next("Write it behind the file."))
    }

    /// Finds what cannot be sent before anybody is troubled with it.
    fn check_local(&self) -> Result<(), Failure> {
        if self.is_stdin() {
            return Ok(());
        }
        let shown = self.local.display();
        let facts = std::fs::metadata(&self.local).map_err(|error| Failure::new(Exit::Failed, format!("{shown}: {error}")))?;
        if facts.is_dir() {
            return Err(Failure::new(Exit::Usage, format!("{shown} is a folder"))
                .try_next("Put its files one by one, or as one: tar c FOLDER | concierge file put - FOLDER.tar"));
        }
        Ok(())
    }

    fn is_stdin(&self) -> bool {
        self.local == Path::new("-")
    }

    async fn upload(&self, files: &Files, path: &str, output: &Output) -> Result<FileStored, Failure> {
        let bar = bar(output);
        let progress = moving(bar.clone());
        let stored = if self.is_stdin() {
            files.put(path, tokio::io::stdin(), None, progress).await
        } else {
            files.put_path(path, &self.local, progress).await
        };
        bar.finish_and_clear();
        stored.map_err(|error| failure(error, &self.local))
    }
}

impl Get {
    async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let local = self.local()?;
        let server = self.access.server().await?;
        let files = server.files.of(self.place.client.clone());
        let bar = bar(output);
        let progress = moving(bar.clone());
        let got = if local == Path::new("-") {
            files.get(&self.place.path, tokio::io::stdout(), progress).await
        } else {
            files.get_path(&self.place.path, &local, progress).await
        };
        bar.finish_and_clear();
        server.close().await;
        let size = got.map_err(|error| failure(error, &local))?;
        if local == Path::new("-") {
            return Ok(());
        }
        let local = local.display().to_string();
        output.result(&json!({ "local": local, "size": size }), |_| local.clone())
    }

    fn local(&self) -> Result<PathBuf, Failure> {
        let own_name = || self.place.path.rsplit('/').next().filter(|name| !name.is_empty()).map(PathBuf::from);
        let Some(name) = own_name() else {
            return Err(Failure::new(Exit::Usage, "a file is got, not a folder")
                .try_next(format!("`concierge file ls {}` lists the files.", self.place.client)));
        };
        let local = match &self.local {
            Some(folder) if folder.is_dir() => folder.join(name),
            Some(local) => local.clone(),
            None => name,
        };
        if local.exists() && !self.force && local != Path::new("-") {
            return Err(Failure::new(Exit::Failed, format!("{} is there already", local.display()))
                .try_next("--force replaces it; another name may stand behind the path."));
        }
        Ok(local)
    }
}

impl Ls {
    async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let server = self.access.server().await?;
        let listed = server.files.of(self.place.client.clone()).list(&self.place.path).await;
        server.close().await;
        let files = listed.map_err(|error| failure(error, Path::new(&self.place.path)))?;
        if output.is_json() {
            return output.json(&files);
        }
        let rows: Vec<Vec<String>> = files.iter().map(row).collect();
        output.table(&["SIZE", "PATH"], &rows)
    }
}

fn row(file: &FileEntry) -> Vec<String> {
    vec![file.size.to_string(), file.path.clone()]
}

impl Rm {
    async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let server = self.access.server().await?;
        let removed = server.files.of(self.place.client.clone()).delete(&self.place.path).await;
        server.close().await;
        removed.map_err(|error| failure(error, Path::new(&self.place.path)))?;
        let place = format!("{}/{}", self.place.client, self.place.path);
        output.result(&json!({ "removed": place }), |_| format!("removed {place}"))
    }
}

/// A bar on stderr when it is a terminal, else one that is never drawn.
fn bar(output: &Output) -> ProgressBar {
    if !output.shows_progress() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left")
        .expect("the template is well-formed");
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)
}

fn moving(bar: ProgressBar) -> impl FnMut(Progress) + Send + 'static {
    move |Progress { bytes, total }| {
        if let Some(total) = total.filter(|total| bar.length() != Some(*total)) {
            bar.set_length(total);
        }
        bar.set_position(bytes);
    }
}

/// A failed transfer, with what to try next.
fn failure(error: FilesError, local: &Path) -> Failure {
    let exit = match &error {
        FilesError::NotFound(_) => Exit::NotFound,
        FilesError::Unauthorized | FilesError::Forbidden | FilesError::NoKey => Exit::Refused,
        FilesError::TooSlow | FilesError::Silent(_) => Exit::TimedOut,
        FilesError::Http(_) => Exit::Unreachable,
        // a path, for the key was one: it is this command line that is wrong
        FilesError::Malformed(_) => Exit::Usage,
        _ => Exit::Failed,
    };
    let next = match &error {
        FilesError::NotFound(_) => "`concierge clients ls` lists the clients, `concierge file ls CLIENT` the files of one.",
        FilesError::Unauthorized => "--key is the `fs_key` of a connected client's HELLO.",
        FilesError::Forbidden => "Give the owner's key with --key, and its name with --name.",
        FilesError::Malformed(_) => "A path goes downwards from the client's folder: notes/today.txt",
        FilesError::TooBig => "The hub's operator may raise `files.file_bytes`.",
        _ => "",
    };
    let failed = match error {
        FilesError::Connect(error) => return error.into(),
        // `file get … - | head`: whoever has seen enough does not want to hear of it
        FilesError::Local(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return error.into(),
        FilesError::Local(error) => Failure::new(exit, format!("{}: {error}", local.display())),
        error => Failure::of(exit, &error),
    };
    if next.is_empty() { failed } else { failed.try_next(next) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Alone {
        #[command(flatten)]
        put: Put,
    }

    async fn put(local: &Path) -> Failure {
        let arguments = ["put", local.to_str().unwrap(), "--server=ftp-is-no-hub:1"];
        let put = <Alone as clap::Parser>::try_parse_from(arguments).unwrap().put;
        put.run(&mut Output::to(false, std::io::sink(), std::io::sink())).await.unwrap_err()
    }

    #[tokio::test]
    async fn what_cannot_be_put_is_refused_before_anybody_is_connected_to() {
        let folder = tempfile::tempdir().unwrap();
        let refused = put(folder.path()).await;
        assert_eq!((refused.exit, refused.message), (Exit::Usage, format!("{} is a folder", folder.path().display())));
        assert!(refused.next.unwrap().contains("tar c"));
        let missing = put(&folder.path().join("none")).await;
        assert_eq!(missing.exit, Exit::Failed);
        assert!(missing.message.ends_with("none: No such file or directory (os error 2)"), "{}", missing.message);
    }

    #[test]
    fn a_place_is_a_client_and_a_path() {
        for (text, client, path) in
            [("ada", "ada", ""), ("ada/", "ada", ""), ("ada/a/b.txt", "ada", "a/b.txt"), ("ada/a/", "ada", "a/")]
        {
            let place: Place = text.parse().unwrap();
            assert_eq!((place.client.as_str(), place.path.as_str()), (client, path), "{text}");
        }
        assert!("/ada/x".parse::<Place>().is_err());
        assert!("a b/x".parse::<Place>().is_err());
    }
}
