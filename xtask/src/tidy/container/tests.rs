use super::*;

const GOOD: &str =
    "FROM rust AS build\nRUN cargo build --locked\nFROM gcr.io/distroless/cc-debian12:nonroot\nCOPY a b\nCMD [\"serve\"]\n";

fn lines(dockerfile: &str) -> Vec<Option<usize>> {
    check(&Tree::of_files(&[(DOCKERFILE, dockerfile)])).iter().map(|problem| problem.line).collect()
}

/// Security: 37.
#[test]
fn the_last_stage_of_the_image_has_no_root_and_no_shell_and_is_built_from_what_was_checked() {
    assert_eq!(lines(GOOD), []);
    assert_eq!(lines(&GOOD.replace(":nonroot", "")), [Some(3)]);
    assert_eq!(lines(&GOOD.replace("gcr.io/distroless/cc-debian12:nonroot", "debian:nonroot")), [Some(3)]);
    assert_eq!(lines(&GOOD.replace("COPY a b", "USER root")), [Some(4)]);
    assert_eq!(lines(&GOOD.replace("COPY a b", "RUN apt-get install x")), [Some(4)]);
    assert_eq!(lines(&GOOD.replace(" --locked", "")), [Some(2)]);
    assert_eq!(lines(""), [None]);
}
