use super::*;

#[test]
fn a_reading_that_overlaps_with_another_never_makes_it_later() {
    let due = NextDue::new(Some(Millis(5)));
    let known = due.watch();
    let (one, two) = (due.begin(), due.begin());
    due.read(one, Some(Millis(7)));
    assert_eq!(*known.borrow(), Some(Millis(7)), "nothing else became known");
    due.read(two, None);
    assert_eq!(*known.borrow(), Some(Millis(7)), "it may not have seen what the other has");
    let three = due.begin();
    due.wake(Millis(3));
    due.read(three, Some(Millis(9)));
    assert_eq!(*known.borrow(), Some(Millis(3)));
    due.read(due.begin(), None);
    assert_eq!(*known.borrow(), None);
}
