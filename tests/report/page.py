# SPDX-License-Identifier: MIT
"""page.py: Debian's chromium, and the page of a report in it."""
import json
import os
import subprocess
import tempfile
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

MAPVISOR = os.environ.get("MAPVISOR", "build/mapvisor")
PAYLOADS = os.environ.get("PAYLOADS", "build/payloads")
SECONDS = 60  # for a page to be there; a hang is no pass
GUTTER = 176  # of the heat map, left of the picture


def mapvisor(*args):
    done = subprocess.run([MAPVISOR, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300, check=False)
    if done.returncode:
        raise AssertionError(f"mapvisor {' '.join(args)}: status {done.returncode}: {done.stderr}")
    return done.stdout


class Browser:
    def __init__(self):
        self.profile = tempfile.TemporaryDirectory()
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--disable-sync",
                     "--disable-dev-shm-usage", f"--user-data-dir={self.profile.name}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.size(1280, 800)

    def close(self):
        self.driver.quit()
        self.profile.cleanup()

    def size(self, width, height, scale=1):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False})

    def theme(self, name):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": name}]})

    def open(self, path):
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get("file://" + os.path.abspath(path))
        self.wait(lambda: self.script("return document.documentElement.dataset.ready") == "yes", lambda: self.text("loading"))

    def wait(self, done, what=lambda: ""):
        end = time.monotonic() + SECONDS
        while not done():
            if time.monotonic() > end:
                raise AssertionError(f"not there after {SECONDS} s: {what()}")
            time.sleep(0.05)

    def settle(self):
        """Until what was asked for is drawn."""
        self.driver.execute_async_script("const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()));")

    def script(self, text, *args):
        return self.driver.execute_script(text, *args)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, name):
        return self.script("return document.getElementById(arguments[0]).textContent", name)

    def keys(self, *keys):
        ActionChains(self.driver, duration=0).send_keys(*keys).perform()
        self.settle()

    def focused(self):
        return self.script("return document.activeElement.id")

    def blur(self):
        self.script("document.activeElement.blur()")

    def point(self, selector, x, y, click=False):
        """The mouse to this place of an element, from its top left corner on."""
        box = self.find(selector)
        size = box.size
        chain = ActionChains(self.driver, duration=0)
        chain.move_to_element_with_offset(box, int(x - size["width"] // 2), int(y - size["height"] // 2))
        if click:
            chain.click()
        chain.perform()
        self.settle()

    def moment(self, event):
        """To the event with this number, from 1 on, where each has its number."""
        self.script("const s = document.getElementById('slider'); s.value = arguments[0] - 1; s.dispatchEvent(new Event('input'))", event)
        self.settle()

    def seq(self):
        return int(self.text("moment").split()[0][1:])

    def address(self, text):
        box = self.find("#address")
        box.clear()
        box.send_keys(text, Keys.ENTER)
        self.settle()

    def rows(self, selector):
        return [tuple(row) for row in self.script(
            "return [...document.querySelectorAll(arguments[0])].map((tr) => [...tr.cells].map((td) => td.textContent))", selector)]

    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        """What the page asked for, but for itself."""
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                if not url.startswith("data:") and message["params"].get("type") != "Document":
                    found.append(url)
        return found
