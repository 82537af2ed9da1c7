"""`hubver init`: what a project needs so that no version of its model goes to production untested.

``project``   what is there already        ``examples``  rows that gates can ask about
``origin``    which workflows to pin       ``render``    choices → files, by ``templates/``
``writing``   which of them are there      ``steps``     what a person does next
``verb``      all of it
"""
