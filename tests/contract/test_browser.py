"""The documentation page, as a developer meets it in a browser.

The page must work from this host alone and within its own content security policy.
"""

import json

import pytest
from conftest import ARTIFACTS
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as expected
from selenium.webdriver.support.ui import WebDriverWait

# A debug build and a browser on a busy machine.
PATIENCE_SECONDS = 60

FLAGS = [
    "--headless=new",
    # The sandbox needs user namespaces, which containers and root lack; the only page it opens is ours.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    # Keeps the browser's own errands out of the list of requests.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1600",
]


@pytest.fixture
def browser(tmp_path):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in [*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    driver.set_page_load_timeout(PATIENCE_SECONDS)
    yield driver
    driver.quit()


def requested(browser, page):
    """The address of every request that a page made."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
    return [request["request"]["url"] for request in requests if request["documentURL"].startswith(page)]


def test_a_developer_tries_an_operation_from_the_page(server, browser):
    token = server.register("ada")["access_token"]
    wait = WebDriverWait(browser, PATIENCE_SECONDS)

    def find(selector):
        return wait.until(expected.element_to_be_clickable((By.CSS_SELECTOR, selector)))

    browser.get(f"{server.url}/docs")
    find(".btn.authorize").click()
    find(".auth-container input[type=text], .auth-container input[aria-label=auth-bearer-value]").send_keys(token)
    find(".auth-btn-wrapper .authorize").click()
    find(".auth-btn-wrapper .btn-done").click()
    find("#operations-auth-me .opblock-summary-control").click()
    execute = wait.until(
        lambda page: next(iter(page.find_elements(By.CSS_SELECTOR, "#operations-auth-me .execute")), None)
        or page.find_element(By.CSS_SELECTOR, "#operations-auth-me .try-out__btn").click()
    )
    execute.click()
    status = find("#operations-auth-me .live-responses-table .response .response-col_status").text
    body = find("#operations-auth-me .live-responses-table .response .response-col_description").text
    browser.save_screenshot(ARTIFACTS / "docs-page.png")

    assert status.split()[0] == "200"
    assert '"email": "ada@example.com"' in body
    requests = requested(browser, f"{server.url}/docs")
    assert {f"{server.url}/openapi.json", f"{server.url}/auth/me"} <= set(requests)
    foreign = [url for url in requests if not url.startswith((server.url, "data:"))]
    assert not foreign, "the page asked another host"
    complaints = [entry["message"] for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
    assert not complaints, "the page broke its own policy, or missed a file"
