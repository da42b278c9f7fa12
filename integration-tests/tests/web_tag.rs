//! The web tag in a real browser: a visitor's page, from the first view to their timeline.
//!
//! Runs where Chromium is installed, and says so where it is not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]
#![allow(clippy::print_stdout, reason = "a test's words are for the person who runs it")]

use std::net::TcpListener as Reserved;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use attune_integration_tests::binary::run;
use attune_integration_tests::patience::eventually;
use attune_integration_tests::{Service, Suite};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A shop's page. It plays its own visitor: looks around before a word on consent, gives it, fills in a form, breaks, leaves.
const PAGE: &str = r#"<!doctype html><title>A shop</title>
<script>window.attune = window.attune || function () { (attune.q = attune.q || []).push(arguments); };
attune('event', 'too_early', {});</script>
<script src="http://HOST/a.js" data-site="shop"></script>
<body style="height: 4000px"><a id="fund" href="/fund?customer=77#top" onclick="return false">Our fund</a>
<form name="apply" onsubmit="return false"><input name="search"><input name="iban"><input name="secret" type="password"><button>Go</button></form>
<script>
var wait = function (ms) { return new Promise(function (done) { setTimeout(done, ms); }); };
var type = function (field, text) {
  field.focus(); field.value = text; field.dispatchEvent(new Event('change', { bubbles: true })); field.blur();
};
window.addEventListener('load', async function () {
  await wait(500);
  document.getElementById('fund').click();
  await wait(300);
  var before = document.cookie + JSON.stringify(localStorage);
  attune('consent', true);
  attune('identify', 'customer_id', 'visitor-1');
  await wait(100);
  document.getElementById('fund').click();
  var form = document.forms.apply;
  type(form.search, 'green fund'); type(form.iban, 'DE00 1234'); type(form.secret, 'hush');
  form.requestSubmit();
  attune('event', 'calculator', { amount: 5000 });
  setTimeout(function () { throw new Error('broken on purpose'); }, 0);
  window.scrollTo(0, 3000);
  await wait(300);
  history.pushState({}, '', '/account/secret');
  await wait(300);
  document.getElementById('fund').click();
  history.pushState({}, '', '/thanks?utm_source=mail&name=Ada');
  await wait(3500);
  var cookie = (document.cookie.match(/_attune=([0-9a-f]+)/) || [])[1];
  fetch('/done?cookie=' + cookie + '&before=' + encodeURIComponent(before));
});
</script>"#;

/// Serves the page and remembers what it reports at its end.
async fn shop(listener: TcpListener, page: String, done: Arc<Mutex<Option<String>>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut request = vec![0; 8192];
        let read = stream.read(&mut request).await.unwrap_or(0);
        let line = String::from_utf8_lossy(&request[..read]).lines().next().unwrap_or_default().to_owned();
        if let Some(said) = line.strip_prefix("GET /done?") {
            *done.lock() = Some(said.split(' ').next().unwrap_or_default().to_owned());
        }
        let body = if line.starts_with("GET / ") { page.as_str() } else { "" };
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length: ";
        let _ = stream.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes()).await;
    }
}

/// A browser that is ended with the test.
struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn browse(url: &str, profile: &std::path::Path) -> Option<Browser> {
    let found = ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(|name| {
        let mut command = Command::new(name);
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-quic",
            "--disable-sync",
        ]);
        command.args(["--disable-background-networking", "--disable-component-update"]);
        command.arg(format!("--user-data-dir={}", profile.display())).arg("--remote-debugging-port=0").arg(url);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
    });
    found.map(Browser)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_is_in_the_timeline_as_far_as_the_visitor_allows() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let tag = Reserved::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let sites = format!(
        "{{ shop = {{ origins = [\"{origin}\"], values = [\"search\"], namespaces = [\"customer_id\"], \
         rules = [{{ path = \"/account/*\", level = \"off\" }}] }} }}"
    );
    let variables = [
        ("ATTUNE__CHANNEL_GATEWAY__HTTP__LISTEN", tag.as_str()),
        ("ATTUNE__CHANNEL_GATEWAY__HTTP__SITES", sites.as_str()),
    ];
    let mut suite =
        Suite::all_in_one_with(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()).await;
    let done = Arc::new(Mutex::new(None));
    let server = tokio::spawn(shop(listener, PAGE.replace("HOST", &tag), Arc::clone(&done)));
    let profile = tempfile::tempdir().unwrap();
    let Some(browser) = browse(&format!("{origin}/"), profile.path()) else {
        println!("skipped: install Chromium to see the web tag in a browser");
        suite.stop().await;
        return;
    };
    let said = eventually("the visit ends", || {
        let done = Arc::clone(&done);
        async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            done.lock().clone()
        }
    })
    .await;
    drop(browser);
    server.abort();
    let (cookie, before) = said.strip_prefix("cookie=").unwrap().split_once("&before=").unwrap();
    assert_eq!(before, "%7B%7D", "before the visitor's word nothing is stored");

    let address = suite.address(Service::Profile);
    let visitor = format!("cookie={cookie}");
    let words =
        ["profile", "timeline", "--identifier", &visitor, "--ascending", "--format", "json", "--address", &address];
    let events = eventually("the visit is in the timeline", || async move {
        let said = run(words).await;
        let events = if said.code == 0 { said.json().as_array().cloned().unwrap_or_default() } else { Vec::new() };
        events.iter().any(|event| event["properties"].to_string().contains("/thanks")).then_some(events)
    })
    .await;
    let of = |name: &str| -> Vec<&Value> { events.iter().filter(|event| event["event"] == name).collect() };
    let views: Vec<&str> =
        of("page_view").iter().map(|view| view["properties"]["page"].as_str().unwrap_or_default()).collect();
    assert_eq!(views, ["/", "/thanks"], "pages that are off are not told: {events:#?}");
    assert_eq!(of("page_view")[1]["properties"]["query"].to_string(), r#"{"utm_source":"mail"}"#);
    assert_eq!(of("click").len(), 1, "one before the word, one on a page that is off: {events:#?}");
    assert_eq!(of("click")[0]["properties"]["target"], "/fund");
    assert!(of("too_early").is_empty());
    let known =
        ["profile", "timeline", "--identifier", "customer_id=visitor-1", "--format", "json", "--address", &address];
    assert_eq!(run(known).await.json().as_array().map(Vec::len), Some(events.len()), "who it is was said");
    let changed: Vec<(&str, &Value)> = of("form_change")
        .iter()
        .map(|event| (event["properties"]["field"].as_str().unwrap(), &event["properties"]["value"]))
        .collect();
    assert_eq!(changed, [("search", &Value::from("green fund")), ("iban", &Value::Null)]);
    assert_eq!((of("form_focus").len(), of("form_leave").len(), of("form_submit").len()), (2, 2, 1));
    assert_eq!(of("calculator")[0]["properties"]["amount"], 5000.0);
    assert!(of("script_error")[0]["properties"]["message"].as_str().unwrap().contains("broken on purpose"));
    assert!(!of("scroll").is_empty() && !of("page_leave").is_empty());
    let all = Value::Array(events.clone()).to_string();
    for unsaid in ["DE00", "hush", "Ada", "customer=77", "/account"] {
        assert!(!all.contains(unsaid), "{unsaid} is told: {all}");
    }
    assert!(events.iter().all(|event| event["channel"] == "web"));
    suite.stop().await;
}
