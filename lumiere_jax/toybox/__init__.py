"""A captioned 3-D world of toys, whose truth is known: our own training data.

words    what things may be called        scene    what is in a clip
motion   where things are when            camera   where it is seen from
shapes   distance functions               looks    colours, light, grounds
render   rays to pixels                   styles   drawn instead of lit
caption  a scene in words                 world    clips by split and index
"""
