use super::*;

fn parsed(text: &str) -> String {
    text.parse::<HubUrl>().map_or_else(|e| e.to_string(), |url| url.to_string())
}

#[test]
fn what_people_write_is_understood() {
    for (text, url) in [
        ("localhost", "ws://localhost:64209/ws"),
        ("localhost:8080", "ws://localhost:8080/ws"),
        ("10.0.0.7:64209", "ws://10.0.0.7:64209/ws"),
        ("[::1]:64209", "ws://[::1]:64209/ws"),
        ("[::1]", "ws://[::1]:64209/ws"),
        ("localhost/hub/ws", "ws://localhost:64209/hub/ws"),
        ("ws://localhost:64209", "ws://localhost:64209/ws"),
        ("ws://localhost:64209/", "ws://localhost:64209/ws"),
        ("WS://localhost:64209/ws", "ws://localhost:64209/ws"),
        ("ws://hub.example", "ws://hub.example:80/ws"),
        ("wss://hub.example", "wss://hub.example:443/ws"),
        ("https://hub.example/chat/ws?room=1", "wss://hub.example:443/chat/ws?room=1"),
        ("http://127.0.0.1:64209", "ws://127.0.0.1:64209/ws"),
    ] {
        assert_eq!(parsed(text), url, "{text}");
    }
}

#[test]
fn what_is_no_address_is_refused_with_a_reason() {
    for text in ["", "ws://", "ftp://hub", "ws://ada:pw@hub", "localhost:0", "localhost:70000", "localhost:", "a b", "[::1"] {
        let error = text.parse::<HubUrl>().expect_err(text).to_string();
        assert!(error.contains("write host:port"), "{text}: {error}");
    }
}

#[test]
fn files_are_beside_the_websocket() {
    for (text, files) in [
        ("localhost", "http://localhost:64209/fs/"),
        ("wss://hub.example/chat/ws?room=1", "https://hub.example:443/chat/fs/"),
        ("ws://hub.example/socket", "http://hub.example:80/fs/"),
    ] {
        assert_eq!(text.parse::<HubUrl>().unwrap().files(), files, "{text}");
    }
}

#[test]
fn resolvers_and_certificates_see_no_brackets() {
    let url: HubUrl = "wss://[::1]:1/".parse().unwrap();
    assert_eq!((url.bare_host(), url.authority().as_str()), ("::1", "[::1]:1"));
}

proptest::proptest! {
    #[test]
    fn no_text_panics_and_what_is_accepted_is_stable(text in ".{0,40}") {
        if let Ok(url) = text.parse::<HubUrl>() {
            proptest::prop_assert_eq!(url.to_string().parse::<HubUrl>(), Ok(url));
        }
    }
}
