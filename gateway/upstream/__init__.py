"""The only room that knows httpx2: lanes, requests sent, replies read."""
