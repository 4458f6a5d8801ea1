//! Whoever comes to any window is taken: also for what another township, or a department, will do.

use super::support::*;
use shouwang_node::desk::{CaseStep, Command, OpenCase};
use shouwang_protocol::records::event::{Channel, Origin};
use shouwang_protocol::records::policy;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn item_33_item_38_any_window_takes_any_kind_also_from_elsewhere_and_gives_a_number_offline() {
    let city = city().await;
    let (township, daxin) = (Machine::new(YANGSHE).await, Machine::new(DAXIN).await);
    for machine in [&township, &daxin] {
        sync(machine, &city).await;
    }
    let home = township.household("wan").await;
    let clerk = township.clerk();
    let mut numbers = std::collections::BTreeSet::new();
    for kind in policy::sample().kinds {
        let open = OpenCase { assistance: kind.code.clone(), ..application(home) };
        let case = township.open_case(&clerk, open).await;
        let said = township.stepped(&clerk, case, CaseStep::Accept {}).await.message;
        let page = township.page(&clerk, case).await;
        let number = page.standing.number.clone().expect("accepted");
        assert!(said.contains(&number) && number.starts_with("SL20190529-"), "{said}");
        let accepted = page.entries.iter().find(|entry| entry.item.event.what.kind().map(|kind| kind.word()) == Some("accepted"));
        let accepted = accepted.expect("in the story");
        assert_eq!((accepted.item.event.name.as_str(), accepted.office.as_str()), ("wang某", "杨舍镇"));
        assert!(numbers.insert(number), "a number of its own, given without the network");
        assert_eq!(page.standing.channel, Some(Channel::TownshipWindow));
    }

    // Somebody from the other side of the city: written down here, sent on by the city, nothing typed twice.
    let stranger = OpenCase {
        applicant: "大新镇唐女士".into(),
        assistance: "医疗救助".into(),
        summary: "住院费用".into(),
        answers: [("就诊医院".to_owned(), "市一院".to_owned())].into(),
        ..OpenCase::of(Origin::Application)
    };
    let here = township.open_case(&clerk, stranger).await;
    township.stepped(&clerk, here, CaseStep::Note { text: "本人住大新镇".into() }).await;
    sync(&township, &city).await;
    let centre = city.clerk();
    let action = id();
    let route = Command::Case { case: here, step: CaseStep::Route { household: None, area: Some(area(DAXIN)) } };
    let there = city.desk.perform(&centre, action, route).await.expect("routes").case.expect("goes on");
    sync(&daxin, &city).await;
    sync(&township, &city).await;
    let page = daxin.page(&daxin.clerk(), there).await;
    assert_eq!((page.standing.applicant.as_str(), page.standing.assistance.as_str()), ("大新镇唐女士", "医疗救助"));
    assert_eq!(page.standing.answers.iter().map(|it| it.text.as_str()).collect::<Vec<_>>(), ["市一院"], "nor asked twice");
    daxin.stepped(&daxin.clerk(), there, CaseStep::Accept {}).await;
    assert_eq!(township.page(&clerk, here).await.standing.routed_to, Some(there), "the window that took it knows where it went");
}
