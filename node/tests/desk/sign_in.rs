//! Passwords, lock-out and sessions, over restarts and with clocks that lie.

use super::support::*;
use shouwang_node::desk::{Command, DeskError};
use shouwang_protocol::records::staff::Role;
use std::sync::atomic::Ordering;

async fn lone_city() -> Machine {
    let city = city().await;
    city.account("chen", &[Role::Approver], None, None).await;
    city
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_administrator_shows_the_code_and_adds_the_others() {
    let city = city().await;
    let old = city.desk.one_time_code().await.expect("makes").expect("a code");
    let code = city.desk.one_time_code().await.expect("makes").expect("a code");
    for wrong in ["", "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA", old.as_str()] {
        let refused = city.desk.first_administrator(wrong, "admin", "管理员", PASSWORD).await.expect_err("a wrong code");
        assert_eq!(refused, DeskError::WrongPassword);
    }
    assert!(matches!(city.desk.first_administrator(&code, "admin", "管理员", "short").await, Err(DeskError::Invalid { .. })));
    let begun = city.desk.first_administrator(&code.to_lowercase(), "admin", "管理员", PASSWORD).await.expect("begins");
    assert_eq!(city.desk.session(&begun.token).await.expect("goes on"), begun.person);
    assert!(city.desk.one_time_code().await.expect("asks").is_none(), "once only");
    assert_eq!(city.desk.first_administrator(&code, "admin2", "二", PASSWORD).await.expect_err("used"), DeskError::WrongPassword);
    let disable = Command::DisableStaff { staff: "admin".into() };
    assert!(matches!(city.act(&begun.person, disable).await, Err(DeskError::NotPermitted { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_wrong_passwords_lock_and_neither_a_restart_nor_a_clock_set_back_opens() {
    let city = lone_city().await;
    for _ in 0..5 {
        assert_eq!(city.desk.sign_in("chen", "wrong horse").await.expect_err("wrong"), DeskError::WrongPassword);
    }
    let locked = city.desk.sign_in("chen", PASSWORD).await.expect_err("locked, even with the right one");
    assert!(matches!(locked, DeskError::Locked { .. }));
    let city = city.restart().await;
    assert!(matches!(city.desk.sign_in("chen", PASSWORD).await, Err(DeskError::Locked { .. })));
    city.wall.fetch_sub(10 * 365 * 86_400_000, Ordering::Relaxed);
    let city = city.restart().await;
    assert!(matches!(city.desk.sign_in("chen", PASSWORD).await, Err(DeskError::Locked { .. })));
    city.wall.fetch_add(10 * 365 * 86_400_000 + 3_600_000, Ordering::Relaxed);
    let begun = city.desk.sign_in("chen", PASSWORD).await.expect("an hour later");
    assert_eq!(begun.person.roles.len(), 1);

    // A new password from the administrator opens at once, and ends the old sessions.
    for _ in 0..5 {
        assert!(city.desk.sign_in("chen", "wrong horse").await.is_err());
    }
    let console = city.desk.console().await.expect("a console");
    city.done(&console, Command::ResetPassword { staff: "chen".into(), password: "another horse".into() }).await;
    assert_eq!(city.desk.session(&begun.token).await.expect_err("ended"), DeskError::SignedOut);
    assert!(city.desk.sign_in("chen", "another horse").await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_when_idle_when_signed_out_when_the_account_is_shut_and_on_another_machine() {
    let city = lone_city().await;
    let sign_in = || city.desk.sign_in("chen", PASSWORD);
    let begun = sign_in().await.expect("begins");
    assert_eq!(begun.token.len(), 64);
    for _ in 0..5 {
        city.wall.fetch_add(9 * 60_000, Ordering::Relaxed);
        city.desk.session(&begun.token).await.expect("still used");
    }
    // A page that asks by itself does not keep it alive.
    city.wall.fetch_add(9 * 60_000, Ordering::Relaxed);
    assert!(city.desk.peek_session(&begun.token).await.expect("goes on").left_ms <= 60_000);
    city.wall.fetch_add(60_000, Ordering::Relaxed);
    assert_eq!(city.desk.session(&begun.token).await.expect_err("idle"), DeskError::SignedOut);
    city.wall.fetch_sub(3_600_000, Ordering::Relaxed);
    assert_eq!(city.desk.session(&begun.token).await.expect_err("the clock was set back"), DeskError::SignedOut);

    let begun = sign_in().await.expect("begins");
    city.desk.sign_out(&begun.token).await.expect("ends");
    assert_eq!(city.desk.session(&begun.token).await.expect_err("ended"), DeskError::SignedOut);

    let begun = sign_in().await.expect("begins");
    let console = city.desk.console().await.expect("a console");
    city.done(&console, Command::DisableStaff { staff: "chen".into() }).await;
    assert_eq!(city.desk.session(&begun.token).await.expect_err("shut"), DeskError::SignedOut);
    assert_eq!(sign_in().await.expect_err("shut"), DeskError::WrongPassword);
    for name in ["nobody", "console", ""] {
        assert_eq!(city.desk.sign_in(name, PASSWORD).await.expect_err("nobody"), DeskError::WrongPassword);
    }
    city.done(&console, Command::EnableStaff { staff: "chen".into() }).await;
    let begun = sign_in().await.expect("begins");
    let city = city.restart().await;
    assert_eq!(city.desk.session(&begun.token).await.expect("a restart ends no session").id, "chen");
    let other = Machine::new(YANGSHE).await;
    assert_eq!(other.desk.session(&begun.token).await.expect_err("another machine"), DeskError::SignedOut);
}
