//! What every request passes and every answer carries, in one layer: nobody forgets a header on a new page.
//!
//! A foreign page can make a browser send requests here, and a foreign name can be pointed at 127.0.0.1; so `Host`
//! must be exactly ours, and whatever is not a plain read must say that it comes from one of our own pages. Programs
//! with a bearer token send no `Origin`; browsers always do. `Referrer-Policy` is `same-origin`, not `no-referrer`:
//! under the latter browsers send `Origin: null` with our own forms, and nothing could tell them from foreign ones.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;
use std::sync::Arc;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The names this server answers to.
#[derive(Clone, Debug)]
pub struct Names(Arc<Vec<String>>);

impl Names {
    /// Those of a loopback address.
    pub fn of(address: SocketAddr) -> Names {
        let port = address.port();
        let ip = address.to_string();
        let mut names = vec![ip, format!("localhost:{port}")];
        if port == 80 {
            names.extend([address.ip().to_string(), "localhost".to_owned()]);
        }
        Names(Arc::new(names))
    }

    fn has(&self, host: &str) -> bool {
        self.0.iter().any(|name| name == host)
    }
}

/// The one value of a header; none when it is missing, doubled or not text.
fn only<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn judge(names: &Names, request: &Request) -> Result<(), (StatusCode, &'static str)> {
    let headers = request.headers();
    let host = only(headers, &header::HOST).filter(|host| names.has(host));
    let Some(host) = host else { return Err((StatusCode::MISDIRECTED_REQUEST, "unknown host")) };
    // An absolute request line would otherwise carry a second name.
    if request.uri().authority().is_some_and(|authority| authority.as_str() != host) {
        return Err((StatusCode::MISDIRECTED_REQUEST, "unknown host"));
    }
    let ours = format!("http://{host}");
    let origin_there = headers.contains_key(header::ORIGIN);
    if origin_there && only(headers, &header::ORIGIN) != Some(ours.as_str()) {
        return Err((StatusCode::FORBIDDEN, "foreign origin"));
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let api = request.uri().path().starts_with("/api/");
    if !reads && !origin_there && !api {
        return Err((StatusCode::FORBIDDEN, "no origin"));
    }
    Ok(())
}

/// The layer.
pub async fn guard(State(names): State<Names>, request: Request, next: Next) -> Response {
    let mut response = match judge(&names, &request) {
        Ok(()) => next.run(request).await,
        Err((status, why)) => (status, why).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn ask(method: &str, path: &str, headers: &[(&str, &str)]) -> Result<(), StatusCode> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        judge(&Names::of("127.0.0.1:8600".parse().expect("an address")), &request).map_err(|(status, _)| status)
    }

    #[test]
    fn only_our_own_names_are_answered() {
        for host in ["127.0.0.1:8600", "localhost:8600"] {
            assert_eq!(ask("GET", "/today", &[("host", host)]), Ok(()));
        }
        let foreign = [
            "",
            "127.0.0.1",
            "localhost",
            "127.0.0.1:8601",
            "127.0.0.1:8600.",
            "127.0.0.1.:8600",
            "LOCALHOST:8600",
            "127.1:8600",
            "2130706433:8600",
            "0x7f000001:8600",
            "0.0.0.0:8600",
            "[::1]:8600",
            "[::ffff:127.0.0.1]:8600",
            "evil.example:8600",
            "localhost.evil.example:8600",
            "127.0.0.1:8600@evil.example",
            "evil.example@127.0.0.1:8600",
            " 127.0.0.1:8600 x",
        ];
        for host in foreign {
            assert_eq!(ask("GET", "/today", &[("host", host)]), Err(StatusCode::MISDIRECTED_REQUEST), "{host}");
        }
        assert!(ask("GET", "/today", &[]).is_err());
        assert!(ask("GET", "/today", &[("host", "127.0.0.1:8600"), ("host", "evil.example")]).is_err());
        assert!(ask("GET", "http://evil.example/today", &[("host", "127.0.0.1:8600")]).is_err());
    }

    #[test]
    fn what_is_no_plain_read_must_come_from_our_own_pages() {
        let host = ("host", "127.0.0.1:8600");
        assert_eq!(ask("POST", "/households", &[host, ("origin", "http://127.0.0.1:8600")]), Ok(()));
        let foreign = ["null", "", "http://localhost:8600", "http://127.0.0.1", "https://127.0.0.1:8600", "http://evil.example"];
        for origin in foreign {
            for path in ["/households", "/api/v1/commands"] {
                assert_eq!(ask("POST", path, &[host, ("origin", origin)]), Err(StatusCode::FORBIDDEN), "{origin}");
            }
        }
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
            assert_eq!(ask(method, "/households", &[host]), Err(StatusCode::FORBIDDEN), "{method}");
        }
        assert_eq!(ask("POST", "/api/v1/commands", &[host]), Ok(()));
        assert_eq!(ask("GET", "/today", &[host, ("origin", "http://evil.example")]), Err(StatusCode::FORBIDDEN));
    }
}
