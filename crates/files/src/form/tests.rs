use axum::body::Body;
use axum::http::HeaderValue;

use super::*;
use crate::pace::Pace;

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("multipart/form-data; boundary=XX"));
    headers
}

/// A part with a head of about so many bytes.
fn part(head: usize, content: &str) -> String {
    let long = "a".repeat(head);
    format!("--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\nX-Long: {long}\r\n\r\n{content}\r\n")
}

/// What comes of a form that is read in one piece: how long each part was.
async fn lengths(form: String) -> Result<Vec<usize>, Refusal> {
    let mut incoming = Incoming::new(Body::from(form), &HeaderMap::new(), Pace::new(0, 9_000));
    let mut form = Form::new(&headers(), &mut incoming)?;
    let mut lengths = Vec::new();
    while let Some(field) = form.next_part().await? {
        let mut part = Part { form: &mut form, field };
        let mut length = 0;
        while let Some(chunk) = part.next().await? {
            length += chunk.len();
        }
        lengths.push(length);
    }
    form.skip_rest().await?;
    Ok(lengths)
}

/// Security: 33.
#[tokio::test]
async fn the_bound_on_the_head_of_a_part_holds_however_much_is_read_at_once() {
    let large = "b".repeat(1_000_000);
    let form = part(60_000, &large) + &part(60_000, "c") + "--XX--\r\n";
    assert_eq!(lengths(form).await.unwrap(), [1_000_000, 1]);
    let form = part(70_000, "b") + "--XX--\r\n";
    assert!(matches!(lengths(form).await, Err(Refusal::Form(why)) if why.contains("too long")));
    let form = part(10, "b") + &part(200_000, "b") + "--XX--\r\n";
    assert!(lengths(form).await.is_err());
}

/// Security: 33.
#[tokio::test]
async fn what_follows_the_last_boundary_is_bounded_however_much_is_read_at_once() {
    let form = part(10, "b") + "--XX--\r\n";
    assert_eq!(lengths(form.clone() + &"x".repeat(60_000)).await.unwrap(), [1]);
    assert!(lengths(form + &"x".repeat(200_000)).await.is_err());
}
