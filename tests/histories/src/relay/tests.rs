use super::{Answer, Ask, Broken, Event, News, Person, Target, Trace, What, broken};

/// Writes a trace down, line by line. Everybody counts along.
#[derive(Default)]
struct Story {
    trace: Trace,
    asked: [u64; 4],
    answered: [u64; 4],
}

fn person(who: u32) -> Person {
    let name = ["nobody", "ada", "bob", "dee"][who as usize];
    Person { name: name.to_owned(), id: format!("id-{who}") }
}

impl Story {
    /// These are in, and know of each other.
    fn of(who: &[u32]) -> Self {
        let mut story = Self::default();
        for (n, newcomer) in who.iter().enumerate() {
            story.add(*newcomer, What::Entered(person(*newcomer)));
            for other in &who[..n] {
                story.told(*other, News::Joined(person(*newcomer)));
            }
        }
        story
    }

    fn add(&mut self, who: u32, what: What) -> &mut Self {
        self.trace.events.push(Event { at_ms: self.trace.events.len() as u64, who: Some(who), what });
        self
    }

    fn ask(&mut self, who: u32, ask: Ask) -> &mut Self {
        let seq = self.asked[who as usize];
        self.asked[who as usize] += 1;
        self.add(who, What::Asked { seq, ask })
    }

    fn send(&mut self, who: u32, number: u64, to: Target) -> &mut Self {
        self.ask(who, Ask::Message { number, to })
    }

    fn answer(&mut self, who: u32, answer: Answer) -> &mut Self {
        let seq = self.answered[who as usize];
        self.answered[who as usize] += 1;
        self.add(who, What::Answered { seq, answer })
    }

    fn refuse(&mut self, who: u32, why: &str) -> &mut Self {
        self.answer(who, Answer::Refused(why.to_owned()))
    }

    fn get(&mut self, who: u32, number: u64, from: u32) -> &mut Self {
        self.add(who, What::Received { number, origin: person(from).id })
    }

    fn told(&mut self, who: u32, news: News) -> &mut Self {
        self.add(who, What::Told(news))
    }

    /// It asks something and is answered: it is still there.
    fn look(&mut self, who: u32) -> &mut Self {
        self.ask(who, Ask::Look("SELF_FETCH".to_owned())).answer(who, Answer::Other("SELF_FETCH_RESULT".to_owned()))
    }

    /// Ada owns a service that bob subscribes to.
    fn weather(&mut self) -> &mut Self {
        let of_ada = |successful| Answer::Service { successful, service: "weather".to_owned(), owner: "id-1".to_owned() };
        self.ask(1, Ask::Create("weather".to_owned())).answer(1, of_ada(true));
        self.ask(2, Ask::Subscribe("weather".to_owned())).answer(2, of_ada(true))
    }

    fn names(&self) -> Vec<String> {
        let found = broken(&self.trace);
        let mut names: Vec<String> = found.iter().map(|one| format!("{one:?}").split('(').next().unwrap().to_owned()).collect();
        names.dedup();
        names
    }
}

fn weather() -> Target {
    Target::Service("weather".to_owned())
}

fn bob() -> Target {
    Target::Name("bob".to_owned())
}

#[test]
fn a_life_of_three_breaks_nothing() {
    let mut story = Story::of(&[1, 2, 3]);
    story.weather();
    story.send(1, 10, weather()).send(1, 11, bob()).send(2, 20, weather()).send(3, 30, Target::Everybody);
    story.get(2, 10, 1).get(3, 30, 3).answer(3, Answer::Okay).get(2, 11, 1).get(2, 30, 3).get(1, 30, 3).get(1, 20, 2);
    story.answer(1, Answer::Okay).answer(1, Answer::Okay).answer(2, Answer::Okay);
    story.look(1).look(2).look(3);
    story.add(3, What::Over("closed".to_owned()));
    story.told(1, News::Left(person(3))).told(2, News::Left(person(3)));
    story.send(1, 12, Target::Name("dee".to_owned())).refuse(1, "INVALID_NAME");
    assert_eq!(broken(&story.trace), []);
}

#[test]
fn messages_of_one_client_that_change_places_are_disordered() {
    let mut story = Story::of(&[1, 2]);
    story.send(1, 10, bob()).send(1, 11, Target::Everybody).get(2, 11, 1).get(2, 10, 1);
    assert_eq!(story.names(), ["Disordered"]);
}

#[test]
fn messages_of_two_clients_may_change_places() {
    let mut story = Story::of(&[1, 2, 3]);
    story.send(1, 10, bob()).send(3, 30, bob()).get(2, 30, 3).get(2, 10, 1);
    assert_eq!(broken(&story.trace), []);
}

#[test]
fn a_message_that_comes_again_came_twice() {
    let mut story = Story::of(&[1, 2]);
    story.send(1, 10, bob()).send(1, 11, bob()).get(2, 10, 1).get(2, 11, 1).get(2, 10, 1);
    assert_eq!(story.names(), ["Twice"]);
}

#[test]
fn a_message_for_another_is_astray() {
    let mut story = Story::of(&[1, 2, 3]);
    story.send(1, 10, bob()).get(3, 10, 1);
    assert_eq!(story.names(), ["Astray"]);
}

#[test]
fn a_message_of_a_service_that_nobody_asked_for_is_astray() {
    let mut story = Story::of(&[1, 2, 3]);
    story.weather().send(1, 10, weather()).get(2, 10, 1).get(3, 10, 1);
    assert_eq!(story.names(), ["Astray"]);
}

#[test]
fn a_message_that_nobody_sent_or_another_sent_is_astray() {
    let mut story = Story::of(&[1, 2]);
    story.get(2, 10, 1);
    assert_eq!(story.names(), ["Astray"]);
    let mut story = Story::of(&[1, 2, 3]);
    story.send(1, 10, bob()).get(2, 10, 3);
    assert_eq!(story.names(), ["Astray"]);
}

#[test]
fn a_message_of_one_who_is_known_to_have_left_comes_after_its_end() {
    let mut story = Story::of(&[1, 2]);
    story.send(1, 10, bob()).told(2, News::Left(person(1))).get(2, 10, 1);
    assert_eq!(story.names(), ["AfterLeave"]);
}

#[test]
fn a_service_goes_before_its_owner() {
    let created = News::Created { service: "weather".to_owned(), owner: "id-1".to_owned() };
    let deleted = News::Deleted { service: "weather".to_owned(), owner: "id-1".to_owned() };
    let mut story = Story::of(&[1, 2]);
    story.told(2, created.clone()).told(2, deleted.clone()).told(2, News::Left(person(1)));
    assert_eq!(broken(&story.trace), []);
    let mut story = Story::of(&[1, 2]);
    story.told(2, created).told(2, News::Left(person(1))).told(2, deleted);
    assert_eq!(story.names(), ["AfterLeave"]);
}

#[test]
fn nothing_comes_before_hello_or_behind_the_end_of_a_connection() {
    let mut story = Story::default();
    story.told(1, News::Joined(person(2))).add(1, What::Entered(person(1)));
    assert_eq!(story.names(), ["AfterLeave"]);
    let mut story = Story::of(&[1]);
    story.add(1, What::Over("closed".to_owned())).look(1);
    assert_eq!(story.names(), ["AfterLeave"]);
}

#[test]
fn an_acknowledged_message_is_missing_where_a_subscriber_stayed() {
    let mut story = Story::of(&[1, 2]);
    story.weather().send(1, 10, weather()).answer(1, Answer::Okay).look(2);
    assert_eq!(story.names(), ["Missing"]);
}

#[test]
fn one_that_comes_behind_a_later_answer_was_missing() {
    let mut story = Story::of(&[1, 2]);
    story.weather().send(1, 10, weather()).answer(1, Answer::Okay).look(2).get(2, 10, 1);
    assert_eq!(story.names(), ["Missing"]);
}

#[test]
fn it_is_not_missing_where_nobody_knows_whether_the_subscriber_stayed() {
    let mut story = Story::of(&[1, 2]);
    story.weather().look(2).send(1, 10, weather()).answer(1, Answer::Okay).add(2, What::Over("reset".to_owned()));
    assert_eq!(broken(&story.trace), []);
}

#[test]
fn it_is_not_missing_where_the_subscriber_asked_to_leave_the_service() {
    let mut story = Story::of(&[1, 2]);
    story.weather().ask(2, Ask::Unsubscribe("weather".to_owned())).send(1, 10, weather());
    story.answer(2, Answer::Service { successful: true, service: "weather".to_owned(), owner: "id-1".to_owned() });
    story.answer(1, Answer::Okay).look(2);
    assert_eq!(broken(&story.trace), []);
}

#[test]
fn it_is_not_missing_where_the_subscriber_was_not_acknowledged_when_it_was_sent() {
    let mut story = Story::of(&[1, 2]);
    let of_ada = || Answer::Service { successful: true, service: "weather".to_owned(), owner: "id-1".to_owned() };
    story.ask(1, Ask::Create("weather".to_owned())).answer(1, of_ada());
    story.ask(2, Ask::Subscribe("weather".to_owned())).send(1, 10, weather()).answer(2, of_ada());
    story.answer(1, Answer::Okay).look(2);
    assert_eq!(broken(&story.trace), []);
}

#[test]
fn what_a_subscriber_says_is_missing_where_the_owner_stayed() {
    let mut story = Story::of(&[1, 2]);
    story.weather().send(2, 20, weather()).answer(2, Answer::Okay).look(1);
    assert_eq!(story.names(), ["Missing"]);
}

#[test]
fn what_is_said_to_a_name_an_id_or_all_is_missing_where_they_stayed() {
    for to in [bob(), Target::Id("id-2".to_owned()), Target::Member("weather".to_owned(), "id-2".to_owned())] {
        let mut story = Story::of(&[1, 2]);
        story.send(1, 10, to).answer(1, Answer::Okay).look(2);
        assert_eq!(story.names(), ["Missing"]);
    }
    let mut story = Story::of(&[1, 2]);
    story.send(1, 10, Target::Everybody).get(1, 10, 1).answer(1, Answer::Okay).look(2);
    assert_eq!(story.names(), ["Missing"]);
}

#[test]
fn a_message_to_oneself_comes_before_its_ok() {
    let mut story = Story::of(&[2]);
    story.send(2, 20, bob()).answer(2, Answer::Okay).get(2, 20, 2);
    assert_eq!(story.names(), ["Missing"]);
}

#[test]
fn a_name_that_somebody_has_all_the_time_is_not_denied() {
    let mut story = Story::of(&[1, 2]);
    story.send(1, 10, bob()).refuse(1, "INVALID_NAME").look(2);
    assert_eq!(story.names(), ["Denied"]);
    let mut story = Story::of(&[1, 2]);
    story.send(1, 10, bob()).refuse(1, "INVALID_NAME").add(2, What::Over("reset".to_owned()));
    assert_eq!(broken(&story.trace), []);
}

#[test]
fn two_who_enter_under_one_name_share_it_when_the_first_is_still_there() {
    let other = || What::Entered(Person { name: "ada".to_owned(), id: "id-3".to_owned() });
    let mut story = Story::of(&[1]);
    story.add(3, other()).look(1);
    assert!(story.names().contains(&"Shared".to_owned()), "{:?}", story.names());
    let mut story = Story::of(&[1]);
    story.look(1).add(3, other());
    assert_eq!(broken(&story.trace), [], "the first may have gone before");
}

#[test]
fn two_under_one_name_are_seen_by_a_third_and_in_a_list() {
    let other = || Person { name: "ada".to_owned(), id: "id-9".to_owned() };
    let mut story = Story::of(&[2]);
    story.told(2, News::Joined(person(1))).told(2, News::Joined(other()));
    assert_eq!(story.names(), ["Shared"]);
    let mut story = Story::of(&[2]);
    story.ask(2, Ask::Look("all".to_owned())).answer(2, Answer::Clients(vec![person(2), person(1), other()]));
    assert_eq!(story.names(), ["Shared"]);
    let mut story = Story::of(&[2]);
    story.told(2, News::Joined(person(1))).told(2, News::Left(person(1))).told(2, News::Joined(other()));
    assert_eq!(broken(&story.trace), []);
}

#[test]
fn two_services_of_one_name_share_it() {
    let created = |owner: &str| News::Created { service: "weather".to_owned(), owner: owner.to_owned() };
    let mut story = Story::of(&[2]);
    story.told(2, created("id-1")).told(2, created("id-3"));
    assert_eq!(story.names(), ["Shared"]);
}

#[test]
fn an_id_is_given_once() {
    let mut story = Story::of(&[1]);
    story.add(1, What::Over("reset".to_owned())).add(2, What::Entered(Person { name: "bob".to_owned(), id: "id-1".to_owned() }));
    assert_eq!(story.names(), ["Shared"]);
}

#[test]
fn answers_that_are_left_out_or_come_twice_are_not_one_for_each() {
    let mut story = Story::of(&[1]);
    story.look(1).ask(1, Ask::Look("one".to_owned())).ask(1, Ask::Look("two".to_owned()));
    story.add(1, What::Answered { seq: 2, answer: Answer::Okay });
    assert_eq!(story.names(), ["Answers"]);
    let mut story = Story::of(&[1]);
    story.look(1).add(1, What::Answered { seq: 0, answer: Answer::Okay });
    assert_eq!(story.names(), ["Answers"]);
}

#[test]
fn all_are_told_the_same_news_in_the_same_order() {
    let mut story = Story::of(&[1, 2]);
    let (dee, eve) = (person(3), Person { name: "eve".to_owned(), id: "id-4".to_owned() });
    story.told(1, News::Joined(dee.clone())).told(1, News::Joined(eve.clone()));
    story.told(2, News::Joined(eve)).told(2, News::Joined(dee));
    assert_eq!(story.names(), ["News"]);
}

#[test]
fn who_is_missing_from_a_list_has_left_without_news() {
    let mut story = Story::of(&[1, 2]);
    story.ask(1, Ask::Look("all".to_owned())).answer(1, Answer::Clients(vec![person(1)]));
    assert_eq!(story.names(), ["News"]);
}

#[test]
fn nobody_is_told_who_goes_while_the_hub_shuts_down() {
    let mut story = Story::of(&[1, 2]);
    story.trace.events.push(Event { at_ms: 9, who: None, what: What::Drains });
    story.ask(1, Ask::Look("all".to_owned())).answer(1, Answer::Clients(vec![person(1)]));
    assert_eq!(broken(&story.trace), []);
}

#[test]
fn the_service_of_one_who_was_sent_away_can_be_created_again_while_the_hub_shuts_down_and_not_before() {
    let created = |owner: &str| News::Created { service: "weather".to_owned(), owner: owner.to_owned() };
    for (drains, errors) in [(true, 0), (false, 1)] {
        let mut story = Story::of(&[1, 2]);
        story.told(1, created("id-2"));
        if drains {
            story.trace.events.push(Event { at_ms: 9, who: None, what: What::Drains });
        }
        story.told(1, created("id-1"));
        assert_eq!(broken(&story.trace).len(), errors);
    }
}

#[test]
fn what_is_broken_is_shown_with_its_events() {
    let mut story = Story::of(&[1, 2]);
    story.send(1, 10, bob()).get(2, 10, 1).get(2, 10, 1);
    let found = broken(&story.trace);
    let [twice @ Broken::Twice(..)] = &found[..] else { panic!("{found:?}") };
    let text = super::explain(twice, &story.trace);
    assert_eq!(
        text,
        "a message came twice\n      4      4 ms #2   <- message 10 of id-1\n      5      5 ms #2   <- message 10 of id-1"
    );
}
