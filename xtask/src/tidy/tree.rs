//! What the checks look at: the files that are committed or about to be, and the members of the workspace.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, Package};

use crate::run;

/// The workspace as it lies on disk, ignored files left out. Paths are relative to the root, with `/`.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// The files that are text.
    pub(super) files: Vec<File>,
    /// Every file, text or not, and every folder that holds one.
    pub(super) paths: BTreeSet<String>,
    pub(super) members: Vec<Member>,
}

#[derive(Debug)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

/// A crate of the workspace.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    /// The path of its Cargo.toml.
    pub(super) manifest: String,
    pub(super) dependencies: Vec<Dependency>,
}

#[derive(Debug, Clone)]
pub(super) struct Dependency {
    pub(super) name: String,
    /// Linked into the crate itself, not only into its tests or its build script.
    pub(super) normal: bool,
}

impl Tree {
    pub(super) fn read() -> Result<Self> {
        let mut tree = Self { members: members(&run::metadata()?)?, ..Self::default() };
        for path in listed_by_git()? {
            // a file that git still lists may be deleted already
            let Ok(bytes) = std::fs::read(run::root().join(&path)) else { continue };
            tree.add_path(&path);
            match String::from_utf8(bytes) {
                Ok(text) if !is_input(&path) => tree.files.push(File { path, text }),
                _ => {}
            }
        }
        Ok(tree)
    }

    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The text of a file that may be missing.
    pub(super) fn text(&self, path: &str) -> &str {
        self.file(path).map_or("", |file| &file.text)
    }

    /// A crate of ours, as opposed to one of a registry.
    pub(super) fn is_member(&self, name: &str) -> bool {
        self.members.iter().any(|member| member.name == name)
    }

    fn add_path(&mut self, path: &str) {
        self.paths.insert(path.to_owned());
        let mut folder = path;
        while let Some((parent, _)) = folder.rsplit_once('/') {
            self.paths.insert(parent.to_owned());
            folder = parent;
        }
    }
}

impl Member {
    /// The folder of the crate.
    pub(super) fn folder(&self) -> &str {
        self.manifest.strip_suffix("/Cargo.toml").unwrap_or("")
    }
}

/// Whether it is what a fuzz target is fed with: bytes, also where they could be text.
fn is_input(path: &str) -> bool {
    path.starts_with("fuzz/seeds/") || path.starts_with("fuzz/crashes/")
}

fn listed_by_git() -> Result<Vec<String>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listed = run::output(run::program("git").args(arguments)).context("tidy looks at the files that git knows")?;
    Ok(listed.split_terminator('\0').map(str::to_owned).collect())
}

fn members(metadata: &Metadata) -> Result<Vec<Member>> {
    metadata.workspace_packages().into_iter().map(member).collect()
}

fn member(package: &Package) -> Result<Member> {
    let manifest = package.manifest_path.strip_prefix(run::root()).context("a member lies outside of the workspace")?;
    let dependencies = package.dependencies.iter();
    Ok(Member {
        name: package.name.to_string(),
        manifest: manifest.as_str().to_owned(),
        dependencies: dependencies
            .map(|dependency| Dependency { name: dependency.name.clone(), normal: dependency.kind == DependencyKind::Normal })
            .collect(),
    })
}

#[cfg(test)]
impl Tree {
    /// A tree of these files, for the tests of the checks.
    pub(super) fn of_files(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.add_path(path);
            tree.files.push(File { path: (*path).to_owned(), text: (*text).to_owned() });
        }
        tree
    }

    /// With a member whose dependencies are written `name` or, for tests only, `dev:name`.
    pub(super) fn with_member(mut self, name: &str, folder: &str, dependencies: &[&str]) -> Self {
        let dependency = |text: &&str| match text.strip_prefix("dev:") {
            Some(name) => Dependency { name: name.to_owned(), normal: false },
            None => Dependency { name: (*text).to_owned(), normal: true },
        };
        self.members.push(Member {
            name: name.to_owned(),
            manifest: format!("{folder}/Cargo.toml"),
            dependencies: dependencies.iter().map(dependency).collect(),
        });
        self
    }
}
