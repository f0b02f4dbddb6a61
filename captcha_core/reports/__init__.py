"""Reports for people to look at: figures, contact sheets and the HTML page of a reading.

`canvas` and `evaluation` draw with matplotlib (the extra ``plots``); `contact_sheet`, `mistakes`
and `page` need Pillow only.
"""
