use super::*;

fn keys(many: usize) -> Vec<OfferKey> {
    let id = |n: usize| PromiseId::parse(&format!("\0\"{n}\\{}", "x".repeat(n % 500))).unwrap();
    let address: Address = "uni@work/ada".parse().unwrap();
    (0..many).map(|n| if n % 2 == 0 { OfferKey::Task(id(n)) } else { OfferKey::Notice(id(n), address.clone()) }).collect()
}

#[test]
fn news_are_as_short_as_they_must_be_and_say_everything() {
    let said = keys(300);
    let news = write_news("ada", said.iter().cloned());
    assert!(news.len() > 5 && news.iter().all(|news| news.len() < 8_000 && !news.contains('\0')));
    let heard: Vec<_> = news.iter().flat_map(|news| read_news(news, "bob")).collect();
    assert_eq!(heard, said);
}

#[test]
fn ones_own_voice_and_noise_are_no_news() {
    let [news] = &write_news("ada", keys(2).into_iter())[..] else { panic!("it fits") };
    assert_eq!(read_news(news, "ada"), []);
    assert_eq!(read_news("hello", "ada"), []);
}

#[test]
fn a_message_whose_name_is_too_long_to_be_passed_on_waits_for_its_next_time() {
    let long = PromiseId::parse(&"\u{1}".repeat(1_024)).unwrap();
    let address: Address = format!("uni@{}/a", "\u{80}".repeat(20)).parse().unwrap_or_else(|_| "uni@work/a".parse().unwrap());
    let news = write_news(&"x".repeat(2_000), [OfferKey::Notice(long, address), keys(1).remove(0)].into_iter());
    assert_eq!(news.iter().flat_map(|news| read_news(news, "bob")).collect::<Vec<_>>(), keys(1));
}
