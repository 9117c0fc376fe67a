"""The documentation page, as a developer meets it in a browser.

The page must work from this host alone and within its own content security policy.
"""

import json

import pytest
from conftest import ARTIFACTS, PASSWORD
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


class Page:
    """The documentation page in the hands of a developer."""

    def __init__(self, browser, server):
        self.browser, self.server = browser, server
        self.wait = WebDriverWait(browser, PATIENCE_SECONDS)
        browser.get(f"{server.url}/docs")
        self.find(".btn.authorize").click()

    def find(self, selector):
        return self.wait.until(expected.element_to_be_clickable((By.CSS_SELECTOR, selector)))

    def close_dialog(self):
        self.find(".auth-btn-wrapper .btn-done").click()

    def try_me(self):
        """Tries `GET /auth/me` out; returns the status and the body that the page shows."""
        self.find("#operations-auth-me .opblock-summary-control").click()
        execute = self.wait.until(
            lambda page: next(iter(page.find_elements(By.CSS_SELECTOR, "#operations-auth-me .execute")), None)
            or page.find_element(By.CSS_SELECTOR, "#operations-auth-me .try-out__btn").click()
        )
        execute.click()
        response = "#operations-auth-me .live-responses-table .response"
        status = self.find(f"{response} .response-col_status").text
        return status.split()[0], self.find(f"{response} .response-col_description").text

    def assert_kept_to_itself(self):
        requests = requested(self.browser, f"{self.server.url}/docs")
        assert {f"{self.server.url}/openapi.json", f"{self.server.url}/auth/me"} <= set(requests)
        foreign = [url for url in requests if not url.startswith((self.server.url, "data:"))]
        assert not foreign, "the page asked another host"
        complaints = [entry for entry in self.browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
        assert not complaints, "the page broke its own policy, or missed a file"


def test_a_developer_tries_an_operation_with_a_token_they_have(server, browser):
    token = server.register("ada")["access_token"]
    page = Page(browser, server)

    page.find(".auth-container input[type=text], .auth-container input[aria-label=auth-bearer-value]").send_keys(token)
    page.find(".auth-btn-wrapper .authorize").click()
    page.close_dialog()
    status, body = page.try_me()
    browser.save_screenshot(ARTIFACTS / "docs-page.png")

    assert status == "200"
    assert '"email": "ada@example.com"' in body
    page.assert_kept_to_itself()


def test_a_developer_signs_in_from_the_page(server, browser):
    server.register("grace")
    page = Page(browser, server)

    page.find("#oauth_username").send_keys("grace@example.com")
    page.find("#oauth_password").send_keys(PASSWORD)
    form = page.find("#oauth_username").find_element(By.XPATH, "ancestor::div[contains(@class, 'auth-container')]")
    browser.save_screenshot(ARTIFACTS / "docs-authorize.png")
    form.find_element(By.CSS_SELECTOR, ".auth-btn-wrapper .authorize").click()
    page.wait.until(lambda _: form.find_elements(By.XPATH, ".//button[normalize-space()='Logout']"))
    page.close_dialog()
    status, body = page.try_me()

    assert status == "200"
    assert '"email": "grace@example.com"' in body
    page.assert_kept_to_itself()
