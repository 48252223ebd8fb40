use std::io::{self, ErrorKind, IoSlice};

use concierge_api_rs::CloseCode;

use super::*;

fn text(payload: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::text(&mut bytes, |to| to.extend_from_slice(payload.as_bytes()));
    bytes
}

fn push(outbox: &mut Outbox, payload: &str) -> Pushed {
    outbox.push(&Frame::new(&text(payload)), Vec::new)
}

/// Takes at most `room` bytes, then would block.
fn take(outbox: &mut Outbox, room: usize) -> Vec<u8> {
    let mut got = Vec::new();
    let (written, result) = outbox.write_with(&mut |_| {}, |slices: &[IoSlice<'_>]| {
        let left = room - got.len();
        if left == 0 {
            return Err(io::Error::from(ErrorKind::WouldBlock));
        }
        let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).take(left).collect();
        got.extend_from_slice(&all);
        Ok(all.len())
    });
    assert_eq!(written, got.len());
    assert_eq!(result.is_ok(), outbox.is_empty());
    got
}

#[test]
fn small_and_large_frames_leave_in_the_order_they_came() {
    let mut outbox = Outbox::new(1 << 20);
    let payloads: Vec<String> = [3, 125, 126, 5_000, 10, 70_000, 1, 2_047, 2_048].iter().map(|n| "x".repeat(*n)).collect();
    let mut expected = Vec::new();
    for payload in &payloads {
        assert_eq!(push(&mut outbox, payload), Pushed::Queued);
        expected.extend(text(payload));
    }
    let mut got = Vec::new();
    while !outbox.is_empty() {
        got.extend(take(&mut outbox, 777));
    }
    assert_eq!(got, expected);
}

#[test]
fn joined_frames_beyond_a_piece_leave_in_order_too() {
    let mut outbox = Outbox::new(1 << 30);
    let mut expected = Vec::new();
    for n in 0..20_000 {
        let payload = format!("message {n}");
        push(&mut outbox, &payload);
        expected.extend(text(&payload));
        if n % 100 == 0 {
            let got = take(&mut outbox, 50);
            assert_eq!(got, expected[..got.len()]);
            expected.drain(..got.len());
        }
    }
    assert_eq!(take(&mut outbox, usize::MAX), expected);
}

#[test]
fn a_full_outbox_takes_nothing_in_and_a_frame_over_the_bound_only_when_nothing_waits() {
    let mut outbox = Outbox::new(100);
    assert_eq!(push(&mut outbox, &"x".repeat(500)), Pushed::Queued);
    assert_eq!(push(&mut outbox, "y"), Pushed::Full);
    take(&mut outbox, usize::MAX);
    assert_eq!(push(&mut outbox, &"x".repeat(90)), Pushed::Queued);
    assert_eq!(push(&mut outbox, &"y".repeat(90)), Pushed::Full);
    assert_eq!(outbox.waiting(), 92);
}

#[test]
fn while_a_long_answer_is_on_its_way_the_bound_is_on_what_else_waits() {
    let mut outbox = Outbox::new(100);
    let answer = text(&"x".repeat(500));
    assert_eq!(outbox.push_answer(&Frame::new(&answer), Vec::new), Pushed::Queued);
    assert_eq!(push(&mut outbox, &"y".repeat(60)), Pushed::Queued);
    assert_eq!(push(&mut outbox, &"y".repeat(60)), Pushed::Full);
    take(&mut outbox, answer.len() - 10);
    assert_eq!(push(&mut outbox, &"y".repeat(60)), Pushed::Full);
    take(&mut outbox, usize::MAX);
    // and none of that is left behind
    assert_eq!((push(&mut outbox, &"y".repeat(60)), push(&mut outbox, &"y".repeat(60))), (Pushed::Queued, Pushed::Full));
}

#[test]
fn a_cut_finishes_the_frame_on_its_way_and_the_close_frame_is_next() {
    let close = frame::close(CloseCode::SlowConsumer.code(), "too slow");
    for large in [false, true] {
        let (first, second) = (text(&"a".repeat(if large { 3_000 } else { 30 })), text("never sent"));
        for sent in 0..=first.len() + 1 {
            let mut outbox = Outbox::new(1 << 20);
            outbox.push(&Frame::new(&first), Vec::new);
            outbox.push(&Frame::new(&second), Vec::new);
            let mut got = take(&mut outbox, sent);
            outbox.cut();
            outbox.close(&close);
            assert_eq!(push(&mut outbox, "after the close"), Pushed::Closed);
            got.extend(take(&mut outbox, usize::MAX));
            let whole = if sent == 0 {
                close.clone()
            } else if sent <= first.len() {
                [&first[..], &close].concat()
            } else {
                [&first[..], &second, &close].concat()
            };
            assert_eq!(got, whole, "large: {large}, sent: {sent}");
        }
    }
}

#[test]
fn an_outbox_that_was_emptied_holds_no_buffer() {
    let mut outbox = Outbox::new(1 << 20);
    let mut pool = Pool::default();
    outbox.push(&Frame::new(&text("hello")), || pool.take());
    let (_, result) =
        outbox.write_with(&mut |buffer| pool.put(buffer), |slices| Ok(slices.iter().map(|slice| slice.len()).sum()));
    result.unwrap();
    assert_eq!((outbox.tail.capacity(), pool.is_empty()), (0, false));
}

/// Security: 26.
#[test]
fn a_full_outbox_holds_little_more_room_than_its_bound_whatever_small_and_shared_frames_take_turns() {
    let bound = 1 << 20;
    for shared in [100, 5_000] {
        let (mut outbox, shared) = (Outbox::new(bound), Frame::Large(text(&"x".repeat(shared)).into()));
        let mut expected = Vec::new();
        let large = || Vec::with_capacity(2 * PIECE); // what a run of somebody else's has left in the pool
        while outbox.push(&Frame::new(&text("hello")), large) == Pushed::Queued {
            expected.extend(text("hello"));
            if outbox.push(&shared, large) == Pushed::Queued {
                let Frame::Large(bytes) = &shared else { unreachable!("it was made so") };
                expected.extend_from_slice(bytes);
            }
        }
        let room = |piece: &Piece| match piece {
            Piece::Joined(buffer) => buffer.capacity(),
            Piece::Shared(bytes) => bytes.len(),
        };
        let held = outbox.pieces.iter().map(room).sum::<usize>() + outbox.tail.capacity();
        assert!(held <= bound + (LOOSE + 1) * 2 * PIECE, "{held} bytes of room for {}", outbox.waiting());
        assert!(take(&mut outbox, usize::MAX) == expected, "in the order they came");
    }
}
