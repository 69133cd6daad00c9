"""What notebooks show of every part of the package: a link to its page, and what its parameters mean."""

# The only place that says where the documentation is. It is not published yet: until it is, the links in
# notebooks lead nowhere, while the tooltips, which scikit-learn shows beside a link only, work.
DOCUMENTATION = "https://skdbn.readthedocs.io/en/stable"


class DocumentedMixin:
    """A link to the page of a class; scikit-learn fills in its public module and its name.

    From scikit-learn 1.9 on, parameters and fitted attributes have their docstring as a tooltip.
    """

    _doc_link_module = "skdbn"
    _doc_link_template = DOCUMENTATION + "/generated/{estimator_module}.{estimator_name}.html"
