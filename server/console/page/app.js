document.body.append('HyperCache');
